import { visibleJson, visibleText } from '@conductor/config';
import type { Line } from './last-words';

/** Where the lines of all processes go. */
export interface LogView {
  /** A line that a program wrote. */
  line(program: string, line: Line): void;
}

type Write = (text: string) => void;

/** For machines: every line is a JSON object with the app's name. Lines that are none (a stack trace of Node, say) become one. */
export class RawLogView implements LogView {
  constructor(private readonly write: Write) {}

  line(program: string, line: Line): void {
    const record = recordOf(program, line);
    // A further process of an app goes by the launcher's name for it, which it does not know itself.
    if (record) this.write(`${'app' in record && !program.includes('#') ? visibleJson(line.text) : JSON.stringify({ ...record, app: program })}\n`);
  }
}

/** For people at a terminal: time, level, app, message, and further fields on the same line. */
export class ReadableLogView implements LogView {
  private readonly pretty: (record: object) => string;

  constructor(
    private readonly write: Write,
    colorize: boolean,
  ) {
    // Loaded only when there is a terminal: it takes as long as everything else in the launcher.
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    const { prettyFactory } = require('pino-pretty') as typeof import('pino-pretty');
    this.pretty = prettyFactory({
      colorize,
      translateTime: 'SYS:HH:MM:ss.l',
      ignore: 'pid,hostname,app',
      singleLine: true,
      // A message of several lines cannot look like several messages.
      messageFormat: (record, key) => `${String(record['app']).padEnd(14)} ${String(record[key]).replaceAll('\n', '\n    ')}`,
    }) as (record: object) => string;
  }

  line(program: string, line: Line): void {
    const record = recordOf(program, line);
    if (record) this.write(this.pretty({ ...record, app: program }));
  }
}

/** The line as a log record; undefined if nobody wants to read it. */
const recordOf = (program: string, { from, text: raw }: Line): object | undefined => {
  // What our own apps write was made visible there; other programs, and what they load, write what they like.
  const text = raw.startsWith('{') ? visibleJson(raw) : visibleText(raw);
  if (program === 'redis') return fromRedis(text);
  if (text.trim() === '') return undefined;
  if (text.startsWith('{')) {
    try {
      return JSON.parse(text) as object;
    } catch {
      // Not JSON after all.
    }
  }
  return { level: from === 'stderr' ? 'warn' : 'info', time: new Date().toISOString(), msg: text };
};

/** Redis marks what matters with #, but greets with # as well: only trouble is passed on. */
const fromRedis = (text: string): object | undefined => {
  const important = /^\d+:\w .*? # (.*)$/.exec(text)?.[1];
  if (important === undefined || !/error|fail|fatal|can't|cannot|unable|denied|space|corrupt|misconf/i.test(important) || /overcommit/.test(important)) return undefined;
  return { level: 'warn', time: new Date().toISOString(), app: 'redis', msg: important };
};
