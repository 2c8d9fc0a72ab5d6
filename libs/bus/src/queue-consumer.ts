import type { DataOf, QueueContract } from '@conductor/contracts';
import type { Logger } from '@conductor/observability';
import { type Job, Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { keysOf } from './keys';
import { MAX_STARTS } from './queue-producer';

/** After a call to Redis failed, the worker asks again; BullMQ's own 15 s would leave messages lying long after Redis is back. */
const AGAIN_AFTER_MS = 500;

export interface JobContext {
  readonly jobId: string;
  /** The job was started before and did not come to an end: its worker died, or lost its lock. */
  readonly redelivered: boolean;
}

export interface JobHandler<C extends QueueContract> {
  /** Settles everything in the job itself. An error thrown means that nothing is known to be settled: the job comes again. */
  handle(data: DataOf<C>, context: JobContext): Promise<void>;
  /** The job was started too often without an end (it kills its worker), or its data is of no known shape. */
  giveUp(data: unknown, jobId: string, code: 'stalled-out' | 'invalid-data', reason: string): Promise<void>;
}

export interface ConsumerOptions {
  connection: Redis;
  namespace: string;
  /** Jobs held at once. Far more than the work needs halves throughput: each idle slot asks Redis for a job. */
  concurrency: number;
  /** A job whose worker is silent for this long is taken over by another. */
  lockMs: number;
  logger: Logger;
}

/** Runs a handler for every job of one queue. */
export class QueueConsumer<C extends QueueContract> {
  private readonly worker: Worker;
  private readonly queue: Queue;
  private readonly logger: Logger;
  private running?: Promise<void>;
  private sweeper?: NodeJS.Timeout;
  /** When a job was last finished here (epoch ms), 0 before the first. */
  lastCompletedAt = 0;

  constructor(
    private readonly contract: C,
    private readonly handler: JobHandler<C>,
    private readonly options: ConsumerOptions,
  ) {
    this.logger = options.logger.child({ queue: contract.name });
    const shared = { connection: options.connection, prefix: keysOf(options.namespace).queuePrefix(contract.name) };
    this.worker = new Worker(contract.name, (job) => this.run(job), {
      ...shared,
      concurrency: options.concurrency,
      lockDuration: options.lockMs,
      stalledInterval: Math.max(500, Math.floor(options.lockMs / 3)),
      maxStalledCount: MAX_STARTS - 1,
      runRetryDelay: AGAIN_AFTER_MS,
      autorun: false,
    });
    this.queue = new Queue(contract.name, shared);
    this.worker.on('error', (error) => this.logger.debug({ reason: error.message }, 'the worker met an error and goes on'));
    this.queue.on('error', () => {});
  }

  start() {
    this.running ??= this.worker.run().catch((error: unknown) => this.logger.error({ err: error }, 'the worker ended'));
    if (this.worker.isPaused()) void this.worker.resume();
    this.sweeper ??= setInterval(() => void this.sweepFailed(), this.options.lockMs / 3).unref();
    void this.sweepFailed();
  }

  /** Takes no new job; resolves when those in hand are done. */
  async pause() {
    if (this.running) await this.worker.pause();
  }

  /** Jobs held at once; may change while running. */
  set concurrency(jobs: number) {
    if (jobs !== this.worker.concurrency) this.worker.concurrency = jobs;
  }

  get isRunning(): boolean {
    return this.running !== undefined && this.worker.isRunning() && !this.worker.isPaused();
  }

  async close() {
    clearInterval(this.sweeper);
    await this.worker.close();
    await this.queue.close();
  }

  private async run(job: Job): Promise<void> {
    const data = this.contract.data.safeParse(job.data);
    if (data.success) {
      await this.handler.handle(data.data as DataOf<C>, { jobId: job.id!, redelivered: job.attemptsStarted > 1 });
    } else {
      await this.handler.giveUp(job.data, job.id!, 'invalid-data', z.prettifyError(data.error));
    }
    this.lastCompletedAt = Date.now();
  }

  /**
   * A job lands among the failed ones only when it was started too often without an end. BullMQ then calls no handler, and
   * perhaps no worker was there to see it: so they are looked for.
   */
  private async sweepFailed(): Promise<void> {
    try {
      for (const job of await this.queue.getFailed(0, 99)) {
        const reason = `it was started ${job.attemptsStarted} times and never came to an end (${job.failedReason ?? 'no reason recorded'})`;
        await this.handler.giveUp(job.data, job.id!, 'stalled-out', reason);
        await job.remove();
      }
    } catch (error) {
      this.logger.debug({ err: error }, 'the sweep for stalled-out jobs is put off');
    }
  }
}
