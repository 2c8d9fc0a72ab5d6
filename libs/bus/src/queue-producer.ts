import type { DataOf, QueueContract } from '@conductor/contracts';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { keysOf } from './keys';
import { asRedisUnavailable, RedisUnavailable } from '@conductor/connections';

export interface QueueCounts {
  waiting: number;
  active: number;
  delayed: number;
  oldestAgeMs: number;
}

/** Finished jobs are kept for Bull Board only; what is known of a message is in the ledger. */
const KEPT_FINISHED_JOBS = 100;

/** A job whose handling breaks off (its worker dies, Redis goes away) is started this often, then given up. */
export const MAX_STARTS = 3;
const START_AGAIN_AFTER_MS = 1_000;

/** Adds jobs to one queue; the compiler checks the caller, the consumer checks the data. */
export class QueueProducer<C extends QueueContract> {
  readonly queue: Queue;

  constructor(
    readonly contract: C,
    private readonly connection: Redis,
    namespace: string,
  ) {
    this.queue = new Queue(contract.name, { connection, prefix: keysOf(namespace).queuePrefix(contract.name), skipVersionCheck: true });
    // A lost connection is reported where it is owned; here each call fails by itself.
    this.queue.on('error', () => {});
  }

  /**
   * Adds one job. Adding the same `jobId` again is a no-op, so callers may safely repeat.
   * @throws RedisUnavailable
   */
  async add(jobId: string, data: DataOf<C>, options: { delayMs?: number; keep?: boolean } = {}): Promise<void> {
    if (this.connection.status !== 'ready') throw new RedisUnavailable('Redis is not reachable');
    try {
      await this.queue.add(this.contract.name, data, {
        jobId,
        attempts: MAX_STARTS,
        backoff: { type: 'fixed', delay: START_AGAIN_AFTER_MS },
        ...(options.delayMs && { delay: Math.ceil(options.delayMs) }),
        removeOnComplete: options.keep ? false : { count: KEPT_FINISHED_JOBS },
        removeOnFail: false,
      });
    } catch (error) {
      throw asRedisUnavailable(error);
    }
  }

  /** Jobs by state, and the age in milliseconds of the one that waits longest. */
  async counts(): Promise<QueueCounts> {
    const [counts, [oldest]] = await Promise.all([
      this.queue.getJobCounts('waiting', 'active', 'delayed'),
      this.queue.getJobs(['waiting'], 0, 0, true),
    ]);
    return {
      waiting: counts['waiting'] ?? 0,
      active: counts['active'] ?? 0,
      delayed: counts['delayed'] ?? 0,
      oldestAgeMs: oldest ? Math.max(0, Date.now() - oldest.timestamp) : 0,
    };
  }

  async close(): Promise<void> {
    await this.queue.close();
  }
}
