import { randomUUID } from 'node:crypto';
import type { RedisConnections } from '@conductor/connections';
import type { Logger } from '@conductor/observability';

const LOOK_MS = 3_000;
/** So long the status tells of a store that was emptied. */
const TOLD_MS = 3_600_000;

/**
 * Notices that Redis was emptied while we ran (FLUSHALL, a lost volume): a mark that the active conductor puts there is gone. What the
 * store must have for people to come in is then put back at once.
 */
export class StoreWatch {
  private timer?: NodeJS.Timeout | undefined;
  private looking = false;
  private lostAt?: number | undefined;
  private unrestored = false;
  /** Set once we have put or seen it: before that, its absence is a first start. */
  private marked = false;
  private readonly key: string;

  /** @param restore puts back what is needed; runs until it succeeds */
  constructor(
    private readonly connections: RedisConnections,
    private readonly restore: () => Promise<void>,
    private readonly logger: Logger,
  ) {
    this.key = `${connections.namespace}:store`;
  }

  /** When the store was found emptied (epoch ms), for an hour after. */
  get emptiedAt(): number | undefined {
    return this.lostAt !== undefined && Date.now() - this.lostAt < TOLD_MS ? this.lostAt : undefined;
  }

  start(): void {
    void this.look();
    this.timer ??= setInterval(() => void this.look(), LOOK_MS).unref();
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private async look(): Promise<void> {
    if (this.looking) return;
    this.looking = true;
    try {
      const isNew = (await this.connections.commands.set(this.key, JSON.stringify({ id: randomUUID(), since: Date.now() }), 'NX')) === 'OK';
      if (isNew && this.marked) {
        this.lostAt = Date.now();
        this.unrestored = true;
        this.logger.error('Redis was emptied (FLUSHALL, or its data was lost): messages that waited, dead letters, API keys and log-ins are gone; keys that start-up knows are registered again');
      }
      this.marked = true;
      if (!this.unrestored) return;
      await this.restore();
      this.unrestored = false;
    } catch {
      // Redis is away, which others tell of; it is looked at again.
    } finally {
      this.looking = false;
    }
  }
}
