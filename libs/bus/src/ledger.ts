import { createHash } from 'node:crypto';
import { type Answer, chosenIdOf, type ClaimCheck, type Content, isSettled, ownerSuffix, type Reply, type Request, type RequestRecord, RequestState, type TrailStep } from '@conductor/contracts';
import type { Redis } from 'ioredis';
import { type Keys, keysOf } from './keys';
import { LedgerScript } from './ledger-scripts';
import { canonical, MessageBodies } from './message-bodies';
import { linesOf, trailOf } from './trail-lines';
import { WaitingQuota } from './waiting-quota';
import { asRedisUnavailable, RedisUnavailable } from '@conductor/connections';

/** How long records are kept, in milliseconds. */
export interface Retention {
  /** Answered, and nobody named an id or a key by which it could be asked for again. */
  retentionMs: number;
  keyedRetentionMs: number;
  /** Not settled yet. */
  ttlMs: number;
  /** A dead letter; as long as what is not settled when absent. */
  deadLetterRetentionMs?: number;
}

/** A large content outlives its dead letter, which is looked for once an hour, by this. */
const BODY_OUTLIVES_MS = 2 * 86_400_000;

/** `id` is the one that the message has from now on. */
export type Acceptance = { fresh: true; id: string } | { fresh: false; id: string; sameContent: boolean; state: RequestState };

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
  answerClaimCheck?: ClaimCheck | undefined;
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
  /** Large contents and answers. */
  readonly bodies: MessageBodies;
  private readonly quota: WaitingQuota;
  private readonly keys: Keys;
  /** Requests whose large content nobody else had put beside the queue. */
  private readonly checkedIn = new WeakSet<Request>();
  private readonly accepting: LedgerScript<[hash: string, state: string, suffix: string] | null>;
  private readonly claiming: LedgerScript<Claim | 'unknown'>;
  private readonly moving: LedgerScript<0 | 1>;
  private readonly settling: LedgerScript<0 | 1>;

  constructor(
    private readonly redis: Redis,
    namespace: string,
    private readonly retention: Retention,
  ) {
    this.keys = keysOf(namespace);
    this.bodies = new MessageBodies(redis, this.keys);
    this.quota = new WaitingQuota(redis, namespace);
    this.accepting = new LedgerScript(redis, 'conductorAccept');
    this.claiming = new LedgerScript(redis, 'conductorClaim');
    this.moving = new LedgerScript(redis, 'conductorMove');
    this.settling = new LedgerScript(redis, 'conductorSettle');
  }

  /**
   * Writes a message down before anything else happens to it.
   * @param id `chosen` by its owner: what came before under it must have had the same content, and where it is another owner's message
   *   this one gets an id of its own; `repeated`: it may come again, always for the same message
   * @throws RedisUnavailable
   */
  accept(request: Request, steps: TrailStep[], id: 'chosen' | 'repeated' = 'repeated'): Promise<Acceptance> {
    return this.ask(async () => {
      const hash = id === 'chosen' ? fingerprint(request) : '';
      const owner = id === 'chosen' ? (request.owner ?? '') : '';
      const known = await this.accepting.run(this.keys.request(request.id), hash, JSON.stringify(request), linesOf(steps), this.retention.ttlMs, '', owner && suffixOf(owner), owner);
      if (!known) return { fresh: true, id: request.id };
      const given = request.id + known[2];
      const fresh = known[1] === 'new';
      const sameContent = fresh || (known[0] === '' ? fingerprint((await this.outline(given))?.request ?? request) === fingerprint(request) : id !== 'chosen' || known[0] === hash);
      if (given !== request.id && sameContent) await this.moveBody(request, given);
      return fresh ? { fresh, id: given } : { fresh, id: given, sameContent, state: RequestState.parse(known[1]) };
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
      await this.accepting.runAll(messages.map(({ request, steps }) => ({ key: this.keys.request(request.id), args: ['', JSON.stringify(request), linesOf(steps), this.retention.ttlMs, 'new', '', ''] })));
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
  async settle(request: Pick<Request, 'id' | 'keyed' | 'claimCheck' | 'charged'>, settlement: Settlement, step: TrailStep, { condition = 'always', replies: [first, second] = [], unwritten }: SettleOptions = {}): Promise<boolean> {
    const { state, ...settled } = settlement;
    const keyed = request.keyed || state !== 'answered';
    const ttl = keyed ? this.retention.keyedRetentionMs : this.retention.retentionMs;
    const keep = state === 'dead-lettered' ? this.retention.ttlMs : ttl;
    const body = request.claimCheck ? [this.keys.body(request.id, request.claimCheck.digest), ...(state === 'dead-lettered' ? [this.keptMs, 0] : [ttl, request.claimCheck.bytes])] : ['', '', 0];
    const settledAs = JSON.stringify({ ...settled, settledAt: step.at });
    const [whole, steps] = unwritten === undefined ? ['', JSON.stringify(step)] : [JSON.stringify(request), `${unwritten}\n${JSON.stringify(step)}`];
    const isSettledByThis = await this.ask(async () => (await this.settling.run(this.keys.request(request.id), state, settledAs, steps, keep, condition, ...this.told(first), ...this.told(second), whole, ...body)) === 1);
    // Not waited for: what gets lost here is found when quotas are reconciled.
    if (isSettledByThis && request.charged) this.quota.release(request).catch(() => {});
    return isSettledByThis;
  }

  /**
   * Puts a large content beside the queue. @returns the request as it travels
   * @throws RedisUnavailable
   */
  async checkIn(request: Request): Promise<Request> {
    if (!this.bodies.mayBeLarge(request.content)) return request;
    const large = await this.ask(() => this.bodies.put<Content>(request.id, request.content, this.keptMs));
    if (!large) return request;
    const travelling = { ...request, content: large.content, claimCheck: large.claimCheck };
    if (large.isNew) this.checkedIn.add(travelling);
    return travelling;
  }

  /** Takes back what `checkIn` put there, of a message that was not accepted. */
  async withdraw(request: Request): Promise<void> {
    if (this.checkedIn.has(request)) await this.bodies.remove(request);
  }

  /** Puts a large answer beside the queue, for as long as its record is kept. @param id of the message that it is kept with */
  async checkInAnswer({ id, keyed }: Pick<Request, 'id' | 'keyed'>, answer: Answer): Promise<{ answer: Answer; claimCheck?: ClaimCheck }> {
    if (!this.bodies.mayBeLarge(answer)) return { answer };
    const large = await this.ask(() => this.bodies.put(id, answer, keyed ? this.retention.keyedRetentionMs : this.retention.retentionMs, true));
    return large ? { answer: large.content, claimCheck: large.claimCheck } : { answer };
  }

  /** A message that is on its way again keeps its large content. */
  async keepContent(request: Request): Promise<void> {
    if (request.claimCheck) await this.ask(() => this.bodies.keep(request, this.keptMs));
  }

  /** Whether each of these is settled; undefined of one that is not known. */
  areSettled(ids: readonly string[]): Promise<Array<boolean | undefined>> {
    return this.ask(() => Promise.all(ids.map(async (id) => {
      const state = await this.redis.hget(this.keys.request(id), 'state');
      return state === null ? undefined : isSettled(RequestState.parse(state));
    })));
  }

  /** Where a message stands; undefined when it never was, or its time is over. */
  state(id: string): Promise<RequestState | undefined> {
    return this.ask(async () => RequestState.optional().parse((await this.redis.hget(this.keys.request(id), 'state')) ?? undefined));
  }

  /** All that is known of a message; undefined when it never was, or its time is over. Of what is no longer kept whole, the beginning. */
  async read(id: string): Promise<RequestRecord | undefined> {
    const record = await this.outline(id);
    return record && (record.request.claimCheck || record.answerClaimCheck) ? this.ask(() => this.whole(record)) : record;
  }

  /** The same, without large contents and answers: only their beginnings. */
  outline(id: string): Promise<RequestRecord | undefined> {
    return this.ask(async () => {
      const { state, request, settled, platform, ...rest } = await this.redis.hgetall(this.keys.request(id));
      if (!request) return undefined;
      return {
        id,
        state: RequestState.catch('accepted').parse(state),
        // Written down under the id that was chosen, which may have been another's.
        request: { ...(JSON.parse(request) as Request), id },
        ...(platform && { platform }),
        ...(settled && isSettled(RequestState.catch('accepted').parse(state)) && (JSON.parse(settled) as object)),
        trail: trailOf(rest),
      };
    });
  }

  /**
   * What is known of a message that `owner` names by the id it chose. @param others whether messages of others are shown, too
   */
  async readAs(owner: string, id: string, others: boolean): Promise<RequestRecord | undefined> {
    const [own, exact, chosen] = await Promise.all([this.read(id + suffixOf(owner)), this.read(id), chosenIdOf(id) === id ? undefined : this.read(chosenIdOf(id))]);
    if (own) return { ...own, id, request: { ...own.request, id } };
    if (exact?.request.owner === owner) return exact;
    if (!others) return undefined;
    // The first to choose an id has it as it is; it can be named in full all the same.
    return exact ?? (chosen?.request.owner !== undefined && id === chosen.id + suffixOf(chosen.request.owner) ? chosen : undefined);
  }

  /** A large content was put beside the queue under the id that its owner chose, which is another's. */
  private async moveBody(request: Request, id: string): Promise<void> {
    const { claimCheck } = request;
    const content = claimCheck && (await this.bodies.get<Content>(request.id, claimCheck));
    if (content === undefined) return;
    await this.bodies.put(id, content, this.keptMs);
    if ((await this.outline(request.id))?.request.claimCheck?.digest !== claimCheck!.digest) await this.bodies.remove(request);
  }

  /** How long a large content is kept that nobody has settled. */
  private get keptMs(): number {
    return Math.max(this.retention.ttlMs, this.retention.deadLetterRetentionMs ?? 0) + BODY_OUTLIVES_MS;
  }

  private async whole({ answerClaimCheck, ...record }: RequestRecord): Promise<RequestRecord> {
    const [request, answer] = await Promise.all([this.bodies.whole(record.request), answerClaimCheck && this.bodies.get<Answer>(record.id, answerClaimCheck)]);
    return { ...record, ...(request && { request }), ...(answer ? { answer } : answerClaimCheck && { answerClaimCheck }) };
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

/** What follows an id that another owner had chosen before. */
const suffixOf = (owner: string): string => ownerSuffix(createHash('sha256').update(owner).digest('hex').slice(0, 12));

/** Two requests are the same message when these agree; when it came and how long its sender waits do not matter. */
const fingerprint = (r: Request) =>
  createHash('sha1')
    .update(JSON.stringify([r.target, r.source, r.user, r.conversation, r.kind, r.claimCheck?.digest ?? canonical(r.content), r.idempotencyKey]))
    .digest('base64url');
