import { type Answer, type ClaimCheck, isSettled, Reply, type RequestRecord } from '@conductor/contracts';
import type { Logger } from '@conductor/observability';
import { z } from 'zod';
import { keysOf } from './keys';
import type { Ledger } from './ledger';
import type { RedisConnections } from '@conductor/connections';

interface Waiter {
  since: number;
  settle: (record: RequestRecord | Reply | undefined) => void;
}

/** How long a reply may be overdue before the ledger is asked: pub/sub may lose one, the ledger does not. */
const LOOK_UP_AFTER_MS = 500;
const Batch = z.array(Reply);
const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

/**
 * One process's inbox for replies, over one Redis subscription, however many messages it waits for (BullMQ's
 * `waitUntilFinished` costs a connection a queue and loses wake-ups). Safety net: the ledger.
 */
export class ReplyInbox {
  readonly channel: string;
  private readonly waiters = new Map<string, Waiter[]>();
  private readonly observers: Array<(reply: Reply) => void> = [];
  private lookUp?: NodeJS.Timeout;

  constructor(
    private readonly connections: RedisConnections,
    private readonly ledger: Ledger,
    readonly name: string,
    private readonly logger: Logger,
  ) {
    this.channel = keysOf(connections.namespace).inbox(name);
  }

  async open(): Promise<void> {
    this.connections.subscriber.on('message', this.receive);
    await this.connections.subscriber.subscribe(this.channel);
    this.lookUp = setInterval(() => void this.askLedger(), LOOK_UP_AFTER_MS).unref();
  }

  /** Sees every reply, also those that nobody waits for. */
  observe(observer: (reply: Reply) => void) {
    this.observers.push(observer);
  }

  /**
   * Waits for the final reply about a message.
   * @returns the reply, or the ledger's record where the reply was lost; undefined when `timeoutMs` is over or `signal` aborts
   */
  wait(id: string, timeoutMs: number, signal?: AbortSignal): Promise<Reply | RequestRecord | undefined> {
    if (signal?.aborted) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const timer = setTimeout(() => waiter.settle(undefined), timeoutMs);
      const cancel = () => waiter.settle(undefined);
      const waiter: Waiter = {
        since: Date.now(),
        settle: (result) => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', cancel);
          this.remove(id, waiter);
          resolve(result);
        },
      };
      signal?.addEventListener('abort', cancel);
      const others = this.waiters.get(id);
      if (others) others.push(waiter);
      else this.waiters.set(id, [waiter]);
    });
  }

  get waiting(): number {
    return this.waiters.size;
  }

  async close(): Promise<void> {
    clearInterval(this.lookUp);
    this.connections.subscriber.off('message', this.receive);
    for (const waiters of [...this.waiters.values()]) for (const waiter of [...waiters]) waiter.settle(undefined);
    if (this.connections.subscriber.status === 'ready') await this.connections.subscriber.unsubscribe(this.channel);
  }

  private readonly receive = (channel: string, text: string) => {
    if (channel !== this.channel) return;
    const batch = Batch.safeParse(parsed(text));
    if (!batch.success) return this.logger.error({ reason: z.prettifyError(batch.error) }, 'a reply of unknown shape is ignored');
    for (const reply of batch.data) {
      for (const observer of this.observers) observer(reply);
      if (!reply.final || !this.waiters.has(reply.id)) continue;
      if (reply.outcome.result === 'done' && reply.outcome.claimCheck) void this.settleWhole(reply, reply.outcome.claimCheck);
      else this.settle(reply.id, reply);
    }
  };

  /** Its answer is large and lies in the ledger. Should that be away just now, it is asked again later. */
  private async settleWhole(reply: Reply, claimCheck: ClaimCheck) {
    const answer = await this.ledger.bodies.get<Answer>(reply.id, claimCheck).catch(() => undefined);
    if (answer !== undefined) this.settle(reply.id, { ...reply, outcome: { result: 'done', answer } });
  }

  private settle(id: string, end: Reply | RequestRecord) {
    for (const waiter of [...(this.waiters.get(id) ?? [])]) waiter.settle(end);
  }

  private remove(id: string, waiter: Waiter) {
    const left = (this.waiters.get(id) ?? []).filter((other) => other !== waiter);
    if (left.length > 0) this.waiters.set(id, left);
    else this.waiters.delete(id);
  }

  private async askLedger() {
    const overdue = Date.now() - LOOK_UP_AFTER_MS;
    for (const [id, waiters] of this.waiters) {
      if (waiters.every((waiter) => waiter.since > overdue)) continue;
      const state = await this.ledger.state(id).catch(() => undefined);
      const record = state && isSettled(state) ? await this.ledger.read(id).catch(() => undefined) : undefined;
      if (record) this.settle(id, record);
    }
  }
}
