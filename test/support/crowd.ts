import type { ProblemCode, RequestRecord } from '@conductor/contracts';
import { until } from '@conductor/testing';
import type { Said } from './door';
import type { System } from './system';

/** Where messages go, in turn. Those to the phones have a recipient. */
const TARGETS = ['brain', 'twitch', 'android', 'minecraft', 'youtube'] as const;
export const RECIPIENT = 'everyone';

/** How many callers there are; each sends one message after the other. */
const CALLERS = 24;
/** Nothing was accepted: the same message is sent again. */
const COME_AGAIN = new Set<ProblemCode | undefined>(['redis-unavailable', 'not-ready', 'overloaded', 'rate-limited']);
const PAUSE_MS = 50;
const PATIENCE_MS = 60_000;

interface Message {
  id: string;
  target: (typeof TARGETS)[number];
  user?: string;
  content: string;
  waitFor: 'answer' | 'acceptance';
  deadlineMs: number;
}

/** What the whole crowd met with. */
export interface Tally {
  sent: number;
  accepted: number;
  answered: number;
  waiting: number;
  deadLettered: number;
  /** Why those died, and how many of each. */
  codes: string;
  repeats: number;
}

/** Many callers who send messages under ids of their own, and send again when a connection breaks or a door refuses. */
export class Crowd {
  readonly messages: Message[];
  /** The answer a caller was given, by message. */
  readonly given = new Map<string, unknown>();
  /** Messages the conductor said it has, whatever became of them. */
  readonly accepted = new Set<string>();
  private next = 0;
  /** So many messages may be begun. */
  private allowed = 0;
  private repeats = 0;
  private done: Promise<unknown> | undefined;
  private broken: unknown;

  constructor(
    private system: System,
    name: string,
    count: number,
  ) {
    this.messages = Array.from({ length: count }, (_, n) => {
      const target = TARGETS[n % TARGETS.length]!;
      return { id: `${name}-${n}`, target, content: `message ${n}`, waitFor: Math.floor(n / TARGETS.length) % 2 === 0 ? 'answer' : 'acceptance', deadlineMs: 10_000, ...(target === 'android' && { user: RECIPIENT }) };
    });
  }

  start(): void {
    this.done = Promise.all(Array.from({ length: CALLERS }, () => this.call()));
    this.done.catch((error: unknown) => (this.broken = error));
  }

  /** Sends so many more messages, and does harm when half of them are begun: the others are under way or yet to come. */
  async meets(count: number, harm: () => Promise<unknown>): Promise<void> {
    this.allowed += count;
    await until(() => {
      if (this.broken === undefined && this.next < this.allowed - count / 2) throw new Error(`only ${this.next} messages were begun`);
    }, 60_000);
    if (this.broken === undefined) await harm();
  }

  /** From now on the crowd talks to this one. */
  turnTo(system: System): void {
    this.system = system;
  }

  /** Until every caller has been told something about each of its messages. */
  async end(): Promise<void> {
    this.allowed = this.messages.length;
    await this.done;
  }

  /** Counts by asking for each message, once nothing moves any more or `timeoutMs` is over. */
  async tally(timeoutMs = 60_000): Promise<{ tally: Tally; records: Map<string, RequestRecord>; lost: string[] }> {
    const records = new Map<string, RequestRecord>();
    const lost: string[] = [];
    const unsettled = new Set(this.accepted);
    await until(async () => {
      for (const batch of batches([...unsettled], 50)) {
        await Promise.all(batch.map(async (id) => {
          const { status, body } = await this.system.ask<RequestRecord>('router', `/v1/requests/${id}`);
          if (status === 200) records.set(id, body);
          if (status === 404) lost.push(id);
          if (status === 404 || (status === 200 && ['answered', 'dead-lettered'].includes(body.state))) unsettled.delete(id);
        }));
      }
      if (unsettled.size > 0) throw new Error(`${unsettled.size} are still on their way`);
    }, timeoutMs).catch(() => undefined); // they are counted as waiting
    const all = [...records.values()];
    const count = (state: RequestRecord['state']) => all.filter((record) => record.state === state).length;
    const answered = count('answered');
    const deadLettered = count('dead-lettered');
    const codes = Object.entries(Object.groupBy(all.filter(({ state }) => state === 'dead-lettered'), ({ code }) => code ?? 'no code')).map(([code, those]) => `${code} ${those?.length}`).join(', ');
    const tally: Tally = { sent: this.messages.length, accepted: this.accepted.size, answered, waiting: all.length - answered - deadLettered, deadLettered, codes, repeats: this.repeats };
    return { tally, records, lost };
  }

  /** Sends every message again. @returns ids whose answer is another one than before */
  async sendAllAgain(records: ReadonlyMap<string, RequestRecord>): Promise<string[]> {
    const different: string[] = [];
    for (const batch of batches(this.messages, 50)) {
      await Promise.all(batch.map(async (message) => {
        const before = records.get(message.id);
        if (before?.state !== 'answered') return;
        const { status, body } = await this.system.send(message);
        const same = status === 200 && isSame(body['answer'], before.answer) && body['instance'] === before.instance;
        if (!same) different.push(message.id);
      }));
    }
    return different;
  }

  private async call(): Promise<void> {
    while (this.next < this.messages.length) {
      if (this.next >= this.allowed) await pause();
      else await this.insist(this.messages[this.next++]!);
    }
  }

  private async insist(message: Message): Promise<void> {
    const patience = Date.now() + PATIENCE_MS;
    for (;;) {
      // No answer at all: the door is gone, or hung up.
      const said = await this.system.send(message).catch(() => undefined);
      if (said && !COME_AGAIN.has(said.body.code)) return this.take(message, said);
      if (Date.now() > patience) throw new Error(`${message.id} could not be sent within ${PATIENCE_MS} ms: ${said?.body.code ?? 'nobody answers'}`);
      this.repeats++;
      await pause();
    }
  }

  private take({ id }: Message, { status, body }: Said): void {
    const isKnown = status === 200 || status === 202 || body.request?.id === id;
    if (!isKnown) throw new Error(`${id} was refused with ${status}: ${JSON.stringify(body)}`);
    this.accepted.add(id);
    if (status === 200) this.given.set(id, body['answer']);
  }
}

const pause = () => new Promise((resolve) => setTimeout(resolve, PAUSE_MS));

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));

const sorted = (value: unknown): unknown =>
  value !== null && typeof value === 'object' && !Array.isArray(value) ? Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, sorted(inner)]) : value;

const batches = <T>(all: readonly T[], size: number): T[][] => Array.from({ length: Math.ceil(all.length / size) }, (_, n) => all.slice(n * size, (n + 1) * size));
