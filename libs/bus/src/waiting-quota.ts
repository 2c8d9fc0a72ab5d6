import type { QuotaAccount, QuotaRefusal, Request } from '@conductor/contracts';
import { asRedisUnavailable } from '@conductor/connections';
import type { Redis, Result } from 'ioredis';
import { keysOf } from './keys';

/** What may wait of one sender, or for one platform: accepted, and neither answered nor given up. */
export interface QuotaLimit {
  items: number;
  bytes: number;
}

/** Whose quota is full, and how full. */
export class QuotaExceeded extends Error {
  override readonly name = 'QuotaExceeded';
  readonly retryAfterMs = 5_000;

  constructor(
    readonly account: QuotaAccount,
    readonly limit: QuotaLimit,
    readonly waiting: QuotaLimit,
  ) {
    super(`${waiting.items} messages with ${mb(waiting.bytes)} MB ${account.kind === 'platform' ? 'wait for' : 'of'} ${nameOf(account)} already, of ${limit.items} with ${mb(limit.bytes)} MB that may; send more when some of them are done`);
  }
}

const mb = (bytes: number) => Math.round(bytes / 1_048_576);
const nameOf = ({ kind, id }: QuotaAccount) => (kind === 'key' ? 'this key' : kind === 'user' ? 'this user' : `${kind === 'platform' ? 'the platform' : 'the plugin'} ${id}`);

/** accounts, then the set of all accounts | entry, its bytes, then for each account: its name, items, bytes → nothing, or which is full and what waits there */
const CHARGE = `
  local accounts = #KEYS - 1
  for at = 1, accounts do
    local items, bytes = redis.call('ZCARD', KEYS[at]), tonumber(redis.call('GET', KEYS[at] .. ':bytes') or 0)
    if items > 0 and (items >= tonumber(ARGV[3 * at + 1]) or bytes + ARGV[2] > tonumber(ARGV[3 * at + 2])) then return { at, items, bytes } end
  end
  local now = redis.call('TIME')
  for at = 1, accounts do
    if redis.call('ZADD', KEYS[at], 'NX', now[1] * 1000 + math.floor(now[2] / 1000), ARGV[1]) == 1 then redis.call('INCRBY', KEYS[at] .. ':bytes', ARGV[2]) end
    redis.call('SADD', KEYS[#KEYS], ARGV[3 * at])
  end
  return false`;
/** accounts, then the set of all accounts | entry, its bytes, then the name of each account */
const RELEASE = `
  for at = 1, #KEYS - 1 do
    if redis.call('ZREM', KEYS[at], ARGV[1]) == 1 then
      redis.call('DECRBY', KEYS[at] .. ':bytes', ARGV[2])
      if redis.call('EXISTS', KEYS[at]) == 0 then
        redis.call('DEL', KEYS[at] .. ':bytes')
        redis.call('SREM', KEYS[#KEYS], ARGV[2 + at])
      end
    end
  end`;

declare module 'ioredis' {
  interface RedisCommander<Context> {
    conductorCharge(keys: number, ...all: Array<string | number>): Result<[number, number, number] | null, Context>;
    conductorRelease(keys: number, ...all: Array<string | number>): Result<null, Context>;
  }
}

/** An entry this young may be of a message that nobody has written down yet. */
const WRITTEN_DOWN_WITHIN_MS = 600_000;
const ENTRIES_IN_ONE_STEP = 500;

/**
 * What waits, by sender and by platform, in items and bytes: a sorted set with an entry for each message, and a sum. Charged before a
 * message that may wait is accepted, released when it is settled; `reconcile` drops what a process that died has left.
 */
export class WaitingQuota {
  private readonly prefix: string;
  /** Hears of every refusal. */
  onRefused: (refusal: QuotaRefusal) => void = () => {};

  constructor(
    private readonly redis: Redis,
    namespace: string,
  ) {
    this.prefix = keysOf(namespace).quota;
    redis.defineCommand('conductorCharge', { lua: CHARGE });
    redis.defineCommand('conductorRelease', { lua: RELEASE });
  }

  /** @returns what the message is to carry, so that whoever settles it can release it. @throws QuotaExceeded, RedisUnavailable; charges nothing then */
  async charge(id: string, bytes: number, accounts: ReadonlyArray<{ account: QuotaAccount; limit: QuotaLimit }>): Promise<NonNullable<Request['charged']>> {
    const names = accounts.map(({ account }) => textOf(account));
    const entry = `${bytes}~${id}`;
    const limits = accounts.flatMap(({ limit }, at) => [names[at]!, limit.items, limit.bytes]);
    const full = await this.redis.conductorCharge(accounts.length + 1, ...this.keysFor(names), entry, bytes, ...limits).catch((error: unknown) => {
      throw asRedisUnavailable(error);
    });
    if (!full) return { entry, accounts: names };
    const [at, items, waiting] = full;
    const { account, limit } = accounts[at - 1]!;
    const exceeded = new QuotaExceeded(account, limit, { items, bytes: waiting });
    this.onRefused({ account, items, bytes: waiting, reason: exceeded.message });
    throw exceeded;
  }

  async release({ charged }: Pick<Request, 'charged'>): Promise<void> {
    if (charged) await this.drop(charged.entry, charged.accounts);
  }

  /** What waits of an account. */
  async waiting(account: QuotaAccount): Promise<QuotaLimit> {
    const [set] = this.keysFor([textOf(account)]);
    const [items, bytes] = await Promise.all([this.redis.zcard(set!), this.redis.get(`${set}:bytes`)]);
    return { items, bytes: Number(bytes ?? 0) };
  }

  /**
   * Releases what does not wait any more, whoever should have done it.
   * @param isOver whether each of these messages is settled; undefined of one that is not known
   * @returns how many were released
   */
  async reconcile(isOver: (ids: string[]) => Promise<Array<boolean | undefined>>, now = Date.now()): Promise<number> {
    let released = 0;
    for await (const names of this.redis.sscanStream(`${this.prefix}accounts`, { count: 100 }) as AsyncIterable<string[]>) {
      for (const name of names) released += await this.reconcileAccount(name, isOver, now);
    }
    return released;
  }

  private async reconcileAccount(name: string, isOver: (ids: string[]) => Promise<Array<boolean | undefined>>, now: number): Promise<number> {
    const [set] = this.keysFor([name]);
    let released = 0;
    for (let after = '-inf'; ; ) {
      const read = await this.redis.zrangebyscore(set!, after, '+inf', 'WITHSCORES', 'LIMIT', 0, ENTRIES_IN_ONE_STEP);
      const entries = read.filter((_, at) => at % 2 === 0);
      const over = await isOver(entries.map((entry) => entry.slice(entry.indexOf('~') + 1)));
      const gone = entries.filter((_, at) => over[at] ?? Number(read[2 * at + 1]) < now - WRITTEN_DOWN_WITHIN_MS);
      for (const entry of gone) await this.drop(entry, [name]);
      released += gone.length;
      if (entries.length < ENTRIES_IN_ONE_STEP) return released;
      after = `(${read.at(-1)}`;
    }
  }

  private async drop(entry: string, accounts: string[]): Promise<void> {
    await this.redis.conductorRelease(accounts.length + 1, ...this.keysFor(accounts), entry, entry.slice(0, entry.indexOf('~')), ...accounts);
  }

  private keysFor(names: string[]): string[] {
    return [...names.map((name) => `${this.prefix}of:${name}`), `${this.prefix}accounts`];
  }
}

const textOf = ({ kind, id }: QuotaAccount): string => `${kind}:${id}`;
