import type { Redis, Result } from 'ioredis';
import type { PlatformStorage } from './platform-plugin';

/** Follows the name of a list in the name of the counter that numbers its entries. */
const POSITION = '#position';

// One step each: a reader must never see a position before the one that precedes it, nor a counter that lost its time to live.
// The counter outlives its list, so that a position which a reader remembers is not given again too soon.
const APPEND = `
  local position = redis.call('INCR', KEYS[2])
  redis.call('ZADD', KEYS[1], position, '{"position":' .. position .. ',"value":' .. ARGV[1] .. '}')
  redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -(tonumber(ARGV[2]) + 1))
  if ARGV[3] ~= '' then
    redis.call('PEXPIRE', KEYS[1], ARGV[3])
    redis.call('PEXPIRE', KEYS[2], 2 * tonumber(ARGV[3]))
  end
  return position`;
const INCREMENT = `
  local sum = redis.call('INCRBY', KEYS[1], ARGV[1])
  if ARGV[2] ~= '' and redis.call('PTTL', KEYS[1]) == -1 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
  return sum`;

declare module 'ioredis' {
  interface RedisCommander<Context> {
    conductorAppend(list: string, positions: string, value: string, limit: number, ttlMs: number | ''): Result<number, Context>;
    conductorIncrement(key: string, by: number, ttlMs: number | ''): Result<number, Context>;
  }
}

/** A platform of an app has its own name; one of a plugin belongs to that plugin, so that another that takes the same name finds nothing. */
export const storageOwner = (platform: string, plugin?: string): string => (plugin === undefined ? platform : `${platform}@${plugin}`);

const prefixOf = (namespace: string, owner: string) => `${namespace}:storage:{${owner}}:`;

/** Hands what one owner has stored to another, key by key. What the new owner has already stays; whatever is repeated, or done side by side, does no harm. */
export const handOverStorage = async (redis: Redis, namespace: string, from: string, to: string): Promise<void> => {
  const [before, after] = [prefixOf(namespace, from), prefixOf(namespace, to)];
  for await (const keys of redis.scanStream({ match: `${escapeGlob(before)}*`, count: 500 }) as AsyncIterable<string[]>) {
    // One that another host has taken meanwhile is gone.
    for (const key of keys) await redis.renamenx(key, after + key.slice(before.length)).catch((error: Error) => { if (!error.message.includes('no such key')) throw error; });
  }
};

/** Storage of one platform in Redis: every key carries its owner, so that none sees another's. */
export class RedisPlatformStorage implements PlatformStorage {
  private readonly prefix: string;

  constructor(
    private readonly redis: Redis,
    namespace: string,
    owner: string,
  ) {
    // The braces keep all of a platform's keys on one node of a cluster.
    this.prefix = prefixOf(namespace, owner);
    redis.defineCommand('conductorAppend', { numberOfKeys: 2, lua: APPEND });
    redis.defineCommand('conductorIncrement', { numberOfKeys: 1, lua: INCREMENT });
  }

  async get<T>(key: string): Promise<T | undefined> {
    const json = await this.redis.get(this.prefix + key);
    return json === null ? undefined : (JSON.parse(json) as T);
  }

  async set(key: string, value: unknown, ttlMs?: number): Promise<void> {
    if (ttlMs === undefined) await this.redis.set(this.prefix + key, JSON.stringify(value));
    else await this.redis.set(this.prefix + key, JSON.stringify(value), 'PX', ttlMs);
  }

  async delete(key: string): Promise<boolean> {
    return (await this.redis.del(this.prefix + key)) > 0;
  }

  async keys(prefix = ''): Promise<string[]> {
    const found: string[] = [];
    let cursor = '0';
    do {
      const [next, keys] = await this.redis.scan(cursor, 'MATCH', `${escapeGlob(this.prefix + prefix)}*`, 'COUNT', 500);
      found.push(...keys.map((key) => key.slice(this.prefix.length)));
      cursor = next;
    } while (cursor !== '0');
    return [...new Set(found)].filter((key) => !key.endsWith(POSITION)).sort();
  }

  async append(list: string, value: unknown, limit: number, ttlMs?: number): Promise<number> {
    return this.redis.conductorAppend(this.prefix + list, this.prefix + list + POSITION, JSON.stringify(value), limit, ttlMs ?? '');
  }

  async after<T>(list: string, position: number): Promise<Array<{ position: number; value: T }>> {
    const entries = await this.redis.zrangebyscore(this.prefix + list, `(${position}`, '+inf');
    return entries.map((json) => JSON.parse(json) as { position: number; value: T });
  }

  async increment(key: string, by = 1, ttlMs?: number): Promise<number> {
    return this.redis.conductorIncrement(this.prefix + key, by, ttlMs ?? '');
  }
}

const escapeGlob = (text: string) => text.replace(/[*?[\]\\]/g, '\\$&');
