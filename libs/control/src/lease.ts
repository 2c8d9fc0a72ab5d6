import type { RedisConnections } from '@conductor/connections';
import type { Result } from 'ioredis';

const RENEW = `
  if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
  if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
  return 0`;
const RELEASE = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`;

declare module 'ioredis' {
  interface RedisCommander<Context> {
    conductorLeaseRenew(key: string, holder: string, ttlMs: number): Result<0 | 1, Context>;
    conductorLeaseRelease(key: string, holder: string): Result<0 | 1, Context>;
  }
}

/** Held by one process at a time, and by another soon after that one falls silent. */
export class Lease {
  private readonly key: string;

  constructor(
    private readonly connections: RedisConnections,
    name: string,
    private readonly holder: string,
    private readonly ttlMs: number,
  ) {
    this.key = `${connections.namespace}:lease:${name}`;
    connections.commands.defineCommand('conductorLeaseRenew', { numberOfKeys: 1, lua: RENEW });
    connections.commands.defineCommand('conductorLeaseRelease', { numberOfKeys: 1, lua: RELEASE });
  }

  /** Takes the lease, or keeps it. @returns whether it is held now; false also while Redis is away */
  async holds(): Promise<boolean> {
    return (await this.connections.commands.conductorLeaseRenew(this.key, this.holder, this.ttlMs).catch(() => 0)) === 1;
  }

  async release(): Promise<void> {
    await this.connections.commands.conductorLeaseRelease(this.key, this.holder).catch(() => 0);
  }
}
