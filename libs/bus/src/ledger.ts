import { createHash } from 'node:crypto';
import { type Answer, isSettled, type Reply, type Request, type RequestRecord, RequestState, type TrailStep } from '@conductor/contracts';
import type { Redis } from 'ioredis';
import { type Keys, keysOf } from './keys';
import { LedgerScript } from './ledger-scripts';
import { asRedisUnavailable, RedisUnavailable } from '@conductor/connections';

/** How long records are kept, in milliseconds. */
export interface Retention {
  /** Answered, and nobody named an id or a key by which it could be asked for again. */
  retentionMs: number;
  keyedRetentionMs: number;
  /** Not settled yet. */
  ttlMs: number;
}

export type Acceptance = { fresh: true } | { fresh: false; sameContent: boolean; state: RequestState };

/** May this worker run the message now? */
export type Claim =
  | 'go'
  /** Answered or given up already. */
  | 'settled'
  /** Another worker has it in hand. */
  | 'elsewhere'
  /** This very job was started before and never said how it ended. */
  | 'interrupted';

export interface Settlement {
  state: 'answered' | 'dead-lettered' | 'discarded';
  answer?: Answer | undefined;
  platform?: string | undefined;
  instance?: string | undefined;
  queuedMs?: number | undefined;
  platformMs?: number | undefined;
  code?: string | undefined;
  reason?: string | undefined;
}

/** A reply and the inbox it goes to. */
export interface AddressedReply {
  inbox: string;
  reply: Reply;
}

export interface SettleOptions {
  /** `unless-active`: leave it alone while a platform has it in hand. */
  condition?: 'always' | 'unless-active';
  /** Sent in the same breath, and only if it is settled by this: at most two. */
  replies?: readonly AddressedReply[];
  /** Its first steps (`linesOf`), when it may not be written down yet: it is now. */
  unwritten?: string;
}

/**
 * What is known of each message, and the one place that decides what may happen to it: a message is settled once, whatever
 * is delivered twice. Kept in Redis next to the queues; survives with them.
 */
export class Ledger {
  private readonly keys: Keys;
  private readonly accepting: LedgerScript<[string, string] | null>;
  private readonly claiming: LedgerScript<Claim | 'unknown'>;
  private readonly moving: LedgerScript<0 | 1>;
  private readonly settling: LedgerScript<0 | 1>;

  constructor(
    private readonly redis: Redis,
    namespace: string,
    private readonly retention: Retention,
  ) {
    this.keys = keysOf(namespace);
    this.accepting = new LedgerScript(redis, 'conductorAccept');
    this.claiming = new LedgerScript(redis, 'conductorClaim');
    this.moving = new LedgerScript(redis, 'conductorMove');
    this.settling = new LedgerScript(redis, 'conductorSettle');
  }

  /**
   * Writes a message down before anything else happens to it.
   * @param id `chosen` by a caller: what came before under it must have had the same content; `repeated`: it may come again, always
   *   for the same message
   * @throws RedisUnavailable
   */
  accept(request: Request, steps: TrailStep[], id: 'chosen' | 'repeated' = 'repeated'): Promise<Acceptance> {
    return this.ask(async () => {
      const hash = id === 'chosen' ? fingerprint(request) : '';
      const known = await this.accepting.run(this.keys.request(request.id), hash, JSON.stringify(request), linesOf(steps), this.retention.ttlMs, '');
      if (!known) return { fresh: true };
      const sameContent = known[0] === '' ? fingerprint((await this.read(request.id))?.request ?? request) === fingerprint(request) : id !== 'chosen' || known[0] === hash;
      return { fresh: false, sameContent, state: RequestState.parse(known[1]) };
    });
  }

  /**
   * Writes messages down whose ids were made here, so that nobody can have used them before: at once, in one command, so that what
   * is sent after it on the same connection comes after it in Redis.
   * @param messages at most 64
   * @throws RedisUnavailable
   */
  acceptNew(messages: ReadonlyArray<{ request: Request; steps: TrailStep[] }>): Promise<void> {
    return this.ask(async () => {
      await this.accepting.runAll(messages.map(({ request, steps }) => ({ key: this.keys.request(request.id), args: ['', JSON.stringify(request), linesOf(steps), this.retention.ttlMs, 'new'] })));
    });
  }

  /**
   * Binds an idempotency key to a request id, for the first who comes.
   * @returns the id that owns the key
   */
  bindKey(source: string, key: string, id: string): Promise<string> {
    return this.ask(async () => {
      const binding = this.keys.idempotency(source, key);
      // Redis before 7 does not take NX and GET in one command.
      if (await this.redis.set(binding, id, 'PX', this.retention.keyedRetentionMs, 'NX')) return id;
      return (await this.redis.get(binding)) ?? this.bindKey(source, key, id);
    });
  }

  /**
   * Takes a message in hand before its platform is asked.
   * @param unwritten its first steps (`linesOf`), when it may not be written down yet: it is now
   */
  claim(request: Request, job: string, platform: string, step: TrailStep, unwritten?: string): Promise<Claim> {
    return this.ask(async () => {
      const started = JSON.stringify(step);
      const first = unwritten === undefined ? ['', '', ''] : [JSON.stringify(request), `${unwritten}\n${started}`, this.retention.ttlMs];
      const claim = await this.claiming.run(this.keys.request(request.id), job, platform, started, ...first);
      // Its record is gone: it waited longer than records are kept. The message itself is here, so it is written down again.
      return claim === 'unknown' ? this.claim(request, job, platform, step, '') : claim;
    });
  }

  /** @returns false when the message was settled already, so that nothing moves any more */
  move(id: string, state: 'queued' | 'waiting' | 'rerouting' | 'redriving', steps: TrailStep[]): Promise<boolean> {
    return this.ask(async () => (await this.moving.run(this.keys.request(id), state, linesOf(steps), this.retention.ttlMs)) === 1);
  }

  /** @returns false when it was settled before (the first settlement stands), or the condition did not hold */
  settle(request: Pick<Request, 'id' | 'keyed'>, settlement: Settlement, step: TrailStep, { condition = 'always', replies: [first, second] = [], unwritten }: SettleOptions = {}): Promise<boolean> {
    const { state, ...settled } = settlement;
    const keyed = request.keyed || state !== 'answered';
    const ttl = keyed ? this.retention.keyedRetentionMs : this.retention.retentionMs;
    const keep = state === 'dead-lettered' ? this.retention.ttlMs : ttl;
    const settledAs = JSON.stringify({ ...settled, settledAt: step.at });
    const [whole, steps] = unwritten === undefined ? ['', JSON.stringify(step)] : [JSON.stringify(request), `${unwritten}\n${JSON.stringify(step)}`];
    return this.ask(async () => (await this.settling.run(this.keys.request(request.id), state, settledAs, steps, keep, condition, ...this.told(first), ...this.told(second), whole)) === 1);
  }

  /** Where a message stands; undefined when it never was, or its time is over. */
  state(id: string): Promise<RequestState | undefined> {
    return this.ask(async () => RequestState.optional().parse((await this.redis.hget(this.keys.request(id), 'state')) ?? undefined));
  }

  /** All that is known of a message; undefined when it never was, or its time is over. */
  read(id: string): Promise<RequestRecord | undefined> {
    return this.ask(async () => {
      const { state, request, settled, platform, ...rest } = await this.redis.hgetall(this.keys.request(id));
      if (!request) return undefined;
      return {
        id,
        state: RequestState.catch('accepted').parse(state),
        request: JSON.parse(request) as Request,
        ...(platform && { platform }),
        ...(settled && isSettled(RequestState.catch('accepted').parse(state)) && (JSON.parse(settled) as object)),
        trail: trailOf(rest),
      };
    });
  }

  private told(addressed: AddressedReply | undefined): [channel: string, reply: string] {
    return addressed ? [this.keys.inbox(addressed.inbox), JSON.stringify(addressed.reply)] : ['', ''];
  }

  private async ask<T>(question: () => Promise<T>): Promise<T> {
    if (this.redis.status !== 'ready') throw new RedisUnavailable('Redis is not reachable');
    try {
      return await question();
    } catch (error) {
      throw asRedisUnavailable(error);
    }
  }
}

const trailOf = (fields: Record<string, string>): TrailStep[] =>
  Object.entries(fields)
    .filter(([name]) => name.startsWith('t:'))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, lines]) => stepsOf(lines));

/** Steps as they are kept: each a line of JSON. */
export const linesOf = (steps: TrailStep[]): string => steps.map((step) => JSON.stringify(step)).join('\n');

export const stepsOf = (lines: string): TrailStep[] =>
  lines
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as TrailStep);

/** Two requests are the same message when these agree; when it came and how long its sender waits do not matter. */
const fingerprint = (r: Request) =>
  createHash('sha1')
    .update(JSON.stringify([r.target, r.source, r.user, r.conversation, r.kind, canonical(r.content), r.idempotencyKey]))
    .digest('base64url');

const canonical = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(canonical);
  if (value !== null && typeof value === 'object') return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, v]) => [k, canonical(v)]);
  return value;
};
