import type { RedisConnections } from '@conductor/connections';
import type { Result } from 'ioredis';
import { fenceKey } from './fence';

const RENEW = `
  local held = redis.call('HMGET', KEYS[1], 'holder', 'token')
  if held[1] == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) return tonumber(held[2]) end
  if held[1] then return 0 end
  local token = redis.call('INCR', KEYS[2])
  redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'token', token)
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return token`;
const RELEASE = `if redis.call('HGET', KEYS[1], 'holder') == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`;

declare module 'ioredis' {
  interface RedisCommander<Context> {
    conductorFencedRenew(key: string, fence: string, holder: string, ttlMs: number): Result<number, Context>;
    conductorFencedRelease(key: string, holder: string): Result<0 | 1, Context>;
  }
}

/**
 * A lease whose holder gets a number that grows with every holder. A holder that was held up and does not know that another took over
 * still writes under its old number, and is refused: see `Fenced`.
 */
export class FencedLease {
  private readonly key: string;
  private readonly fence: string;

  /** @param ttlMs another takes over this long after the holder fell silent */
  constructor(
    private readonly connections: RedisConnections,
    name: string,
    private readonly holder: string,
    private readonly ttlMs: number,
  ) {
    this.fence = fenceKey(connections.namespace, name);
    this.key = `${this.fence}:lease`;
    connections.commands.defineCommand('conductorFencedRenew', { numberOfKeys: 2, lua: RENEW });
    connections.commands.defineCommand('conductorFencedRelease', { numberOfKeys: 1, lua: RELEASE });
  }

  /** Takes the lease, or keeps it. @returns the holder's token; undefined when another holds it, or Redis is away */
  async hold(): Promise<number | undefined> {
    return (await this.connections.commands.conductorFencedRenew(this.key, this.fence, this.holder, this.ttlMs).catch(() => 0)) || undefined;
  }

  async release(): Promise<void> {
    await this.connections.commands.conductorFencedRelease(this.key, this.holder).catch(() => 0);
  }
}
