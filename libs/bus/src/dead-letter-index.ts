import type { ClaimCheck, DeadLetter, DeadLetterFilter } from '@conductor/contracts';
import type { Redis, Result } from 'ioredis';
import { keysOf } from './keys';

/** One dead letter as the index knows it. */
export interface IndexedLetter {
  id: string;
  /** When it was put down (epoch ms). */
  at: number;
  /** Its place among the others; a later one is greater. */
  place: number;
}

const ENTRIES_IN_ONE_READ = 1_000;

/**
 * record, counter of places, sets that it is in | step of the counter, entry, payload, bytes, claim check (empty where there is none) → 1
 * when it is new.
 * Sets are remembered with the record, so that removing it needs nothing but its id.
 */
const ADD = `
  if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
  local place = redis.call('INCRBY', KEYS[2], ARGV[1])
  redis.call('HSET', KEYS[1], 'entry', ARGV[2], 'letter', ARGV[3], 'bytes', ARGV[4], 'claim', ARGV[5], 'sets', table.concat(KEYS, '\\n', 3))
  for at = 3, #KEYS do redis.call('ZADD', KEYS[at], place, ARGV[2]) end
  return 1`;
/** records → how many there were */
const REMOVE = `
  local removed = 0
  for _, key in ipairs(KEYS) do
    local entry, sets = unpack(redis.call('HMGET', key, 'entry', 'sets'))
    if entry then
      for set in string.gmatch(sets, '[^\\n]+') do redis.call('ZREM', set, entry) end
      redis.call('UNLINK', key)
      removed = removed + 1
    end
  end
  return removed`;

declare module 'ioredis' {
  interface RedisCommander<Context> {
    conductorAddDeadLetter(keys: number, ...all: Array<string | number>): Result<0 | 1, Context>;
    conductorRemoveDeadLetters(keys: number, ...records: string[]): Result<number, Context>;
  }
}

/**
 * Dead letters by platform and code, newest first, without their payloads: a sorted set for all of them, and one for each platform, code,
 * and pair of both. An entry holds when it was put down and whose it is; the payload lies in a record of its own.
 */
export class DeadLetterIndex {
  private readonly prefix: string;

  constructor(
    private readonly redis: Redis,
    namespace: string,
  ) {
    this.prefix = keysOf(namespace).deadLetters;
    redis.defineCommand('conductorAddDeadLetter', { lua: ADD });
    redis.defineCommand('conductorRemoveDeadLetters', { lua: REMOVE });
  }

  /** @param as `adopted`: it is older than all that are here */
  async add({ id, at, platform, code, request: { claimCheck } }: DeadLetter, payload: string, bytes: number, as: 'new' | 'adopted' = 'new'): Promise<boolean> {
    const sets = [{}, { code }, ...(platform === undefined ? [] : [{ platform }, { platform, code }])].map((of) => this.setOf(of));
    const keys = [this.record(id), `${this.prefix}:places:${as}`, ...sets];
    return (await this.redis.conductorAddDeadLetter(keys.length, ...keys, as === 'new' ? 1 : -1, `${Math.round(at)}~${id}`, payload, bytes, claimCheck ? JSON.stringify(claimCheck) : '')) === 1;
  }

  async remove(ids: readonly string[]): Promise<number> {
    return ids.length === 0 ? 0 : this.redis.conductorRemoveDeadLetters(ids.length, ...ids.map((id) => this.record(id)));
  }

  async has(ids: readonly string[]): Promise<boolean[]> {
    const found = await this.piped(ids, (pipe, id) => pipe.exists(this.record(id)));
    return found.map((count) => count === 1);
  }

  async payload(id: string): Promise<string | undefined> {
    return (await this.redis.hget(this.record(id), 'letter')) ?? undefined;
  }

  async payloads(ids: readonly string[]): Promise<Array<string | null>> {
    return this.piped(ids, (pipe, id) => pipe.hget(this.record(id), 'letter'));
  }

  /** What stands for the large content of each, where it has one. */
  async claimChecks(ids: readonly string[]): Promise<Array<ClaimCheck | undefined>> {
    const found = await this.piped<string | null>(ids, (pipe, id) => pipe.hget(this.record(id), 'claim'));
    return found.map((json) => (json ? (JSON.parse(json) as ClaimCheck) : undefined));
  }

  /** Bytes of each one's payload; 0 of one that is gone. */
  async bytes(ids: readonly string[]): Promise<number[]> {
    return (await this.piped(ids, (pipe, id) => pipe.hget(this.record(id), 'bytes'))).map(Number);
  }

  /** What passes the filter but for its `text`, newest first. */
  async *entries(filter: DeadLetterFilter = {}, before = Infinity): AsyncGenerator<IndexedLetter> {
    const set = this.setOf(filter);
    const now = Date.now();
    for (let last = before; ; ) {
      const read = await this.redis.zrevrangebyscore(set, last === Infinity ? '+inf' : `(${last}`, '-inf', 'WITHSCORES', 'LIMIT', 0, ENTRIES_IN_ONE_READ);
      for (let n = 0; n < read.length; n += 2) {
        const entry = { ...entryOf(read[n]!), place: Number(read[n + 1]) };
        last = entry.place;
        if (isOfAge(entry.at, filter, now)) yield entry;
      }
      if (read.length < 2 * ENTRIES_IN_ONE_READ) return;
    }
  }

  /** How many pass the filter but for its `text`. */
  async count(filter: DeadLetterFilter = {}): Promise<number> {
    if (filter.olderThanMs === undefined && filter.newerThanMs === undefined) return this.redis.zcard(this.setOf(filter));
    return counted(this.entries(filter));
  }

  /** The place of an entry (`<epoch ms>~<id>`); undefined when it is gone. */
  async placeOf(entry: string): Promise<number | undefined> {
    const place = await this.redis.zscore(this.setOf({}), entry);
    return place === null ? undefined : Number(place);
  }

  private record(id: string): string {
    return `${this.prefix}:letter:${id}`;
  }

  private setOf({ platform, code }: Pick<DeadLetterFilter, 'platform' | 'code'>): string {
    const of = [platform === undefined ? [] : `platform=${platform}`, code === undefined ? [] : `code=${encodeURIComponent(code)}`].flat();
    return `${this.prefix}:index:${of.join('&') || 'all'}`;
  }

  private async piped<T>(ids: readonly string[], ask: (pipe: ReturnType<Redis['pipeline']>, id: string) => unknown): Promise<T[]> {
    const pipe = this.redis.pipeline();
    for (const id of ids) ask(pipe, id);
    return ((await pipe.exec()) ?? []).map(([error, value]) => {
      if (error) throw error;
      return value as T;
    });
  }
}

export const counted = async (found: AsyncGenerator): Promise<number> => {
  let count = 0;
  while (!(await found.next()).done) count++;
  return count;
};

/** An entry is also where a page ends: `<epoch ms>~<id>`. */
export const entryOf = (entry: string): { at: number; id: string } => {
  const tilde = entry.indexOf('~');
  return { at: Number(entry.slice(0, tilde)), id: entry.slice(tilde + 1) };
};

const isOfAge = (at: number, { olderThanMs, newerThanMs }: DeadLetterFilter, now: number): boolean =>
  (olderThanMs === undefined || now - at >= olderThanMs) && (newerThanMs === undefined || now - at <= newerThanMs);
