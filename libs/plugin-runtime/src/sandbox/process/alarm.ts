import type { Readable } from 'node:stream';
import { z } from 'zod';
import type { IncidentKind } from '../incidents';
import { Allowance } from './allowance';
import { LineCutter } from './output-log';

/** A line of JSON, as `child/alarm.cjs` writes it: one attempt that was refused, or the sign that this pipe still leads here. */
const Line = z.union([z.strictObject({ permission: z.string().max(64), resource: z.string().max(600) }), z.strictObject({ beat: z.int() })]);

/** An honest plugin makes some; one that does nothing else would keep us busy with hearing of it. */
const LINES_PER_SECOND = 1_000;
const LINES_AT_ONCE = 5_000;

export interface AlarmPorts {
  report(kind: IncidentKind, detail: string): void;
  /** What came cannot be believed any more. */
  violated(kind: IncidentKind, detail: string): void;
  /** Whether this is the ping that the process was sent last: nobody knows the number of one before. */
  isLatestPing(id: number): boolean;
}

/**
 * Hears on a pipe of its own what was tried in a process and refused. Its far end is written to at once, before the attempt goes on, so
 * nothing is lost when the process ends. Each ping is answered here, too, before it is answered on the protocol: a plugin that closes
 * this pipe, or puts something else in its place, is found out by what is missing.
 */
export class Alarm {
  /** Resolves when all was heard that will ever be. */
  readonly heard: Promise<void>;
  private beat = 0;
  private missed = 0;

  constructor(pipe: Readable, private readonly ports: AlarmPorts) {
    const allowance = new Allowance(LINES_PER_SECOND, LINES_AT_ONCE);
    const cutter = new LineCutter();
    pipe.on('data', (chunk: Buffer) => {
      for (const line of cutter.push(chunk)) {
        if (!allowance.take()) return ports.violated('flood', `more than ${LINES_PER_SECOND} refused attempts a second`);
        if (!this.understand(line)) return ports.violated('protocol-violation', 'it wrote on the pipe on which its attempts are reported');
      }
    });
    pipe.on('error', () => {});
    this.heard = new Promise((resolve) => pipe.once('close', resolve));
  }

  /** @param ponged the latest ping that was answered on the protocol. @returns whether it was answered here; once is no proof, since two pipes are read one after the other */
  answers(ponged: number): boolean {
    // Ahead is well: it is answered here first, and the other answer may stand behind megabytes of messages.
    this.missed = ponged <= this.beat ? 0 : this.missed + 1;
    return this.missed < 3;
  }

  private understand(text: string): boolean {
    const line = Line.safeParse(parsed(text));
    if (!line.success) return false;
    if (!('beat' in line.data)) {
      this.ports.report('permission-denied', `${line.data.permission} ${line.data.resource}`.trim());
      return true;
    }
    this.beat = line.data.beat;
    return this.ports.isLatestPing(this.beat);
  }
}

const parsed = (line: string): unknown => {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
};
