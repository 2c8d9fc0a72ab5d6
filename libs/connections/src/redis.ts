import type { Logger } from '@conductor/observability';
import { Redis, type RedisOptions } from 'ioredis';

/** Redis cannot be reached: nothing was accepted, or it is not known to be. The caller may come again. */
export class RedisUnavailable extends Error {
  override readonly name = 'RedisUnavailable';
  readonly retryAfterMs = 2_000;
}

/** A command that is not answered in this time is given up; Redis on the same machine answers in well under 1 ms. */
const COMMAND_TIMEOUT_MS = 3_000;

/**
 * Redis that leaves so many pings in a row unanswered hangs. Its connection is given up then, so that callers are refused at once:
 * ioredis sends one pipeline after the other, and each would wait out its own time.
 */
const UNANSWERED_PINGS = 2;
const PING_EVERY_MS = 700;

/**
 * The Redis connections of one process: one for commands, which fails at once while Redis is away; one for subscriptions;
 * and one for each worker, which waits for Redis instead. All come back by themselves.
 */
export class RedisConnections {
  /** Commands sent in the same tick travel in one write. */
  readonly commands: Redis;
  readonly subscriber: Redis;
  private readonly others: Redis[] = [];
  private readonly away = new Set<Redis>();

  constructor(
    private readonly url: string,
    readonly namespace: string,
    private readonly logger: Logger,
  ) {
    this.commands = this.open({ enableOfflineQueue: false, maxRetriesPerRequest: 0, commandTimeout: COMMAND_TIMEOUT_MS, enableAutoPipelining: true });
    this.subscriber = this.open({ maxRetriesPerRequest: null, autoResubscribe: true });
  }

  /** A connection that waits for Redis as long as it takes: for workers, which block on it. */
  forWorker(): Redis {
    const connection = this.open({ maxRetriesPerRequest: null });
    this.others.push(connection);
    return connection;
  }

  /** A connection for queue producers: fails at once while Redis is away. */
  forProducer(): Redis {
    const connection = this.open({ enableOfflineQueue: false, maxRetriesPerRequest: 0, commandTimeout: COMMAND_TIMEOUT_MS });
    this.others.push(connection);
    return connection;
  }

  /** Ends a connection that was made for a worker or a producer, since the process goes on without it. */
  letGo(connection: Redis): void {
    const at = this.others.indexOf(connection);
    if (at >= 0) this.others.splice(at, 1);
    this.away.delete(connection);
    connection.disconnect();
  }

  /** All of them: they come back one after the other, and an app that lacks one cannot do all of its work. */
  get isReady(): boolean {
    return [this.commands, this.subscriber, ...this.others].every(({ status }) => status === 'ready');
  }

  /** Waits until Redis answers. @throws RedisUnavailable after `timeoutMs`, and the reason of `signal` when it is aborted */
  async untilReady(timeoutMs = 15_000, signal?: AbortSignal): Promise<void> {
    await Promise.all([this.commands, ...this.others].map((connection) => ready(connection, timeoutMs, signal)));
  }

  async close(): Promise<void> {
    for (const connection of [...this.others, this.subscriber, this.commands]) connection.disconnect();
  }

  /** All connections go and come together; people are told once. */
  private lost(connection: Redis, error: Error) {
    if (this.away.size === 0) this.logger.warn({ reason: error.message }, 'Redis is not reachable; trying again until it is');
    this.away.add(connection);
  }

  private found(connection: Redis) {
    if (this.away.delete(connection) && this.away.size === 0) this.logger.info('Redis is reachable again');
  }

  private open(options: RedisOptions): Redis {
    const connection = new Redis(this.url, {
      ...options,
      // A hanging server does not take part in closing.
      disconnectTimeout: 100,
      // Loopback comes back fast; the jitter keeps many processes from knocking in step.
      retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 6), 2_000) * (0.5 + Math.random() / 2),
    });
    if (options.commandTimeout !== undefined) giveUpWhenItHangs(connection);
    connection.on('error', (error: Error) => this.lost(connection, error));
    connection.on('ready', () => this.found(connection));
    return connection;
  }
}

const giveUpWhenItHangs = (connection: Redis) => {
  let unanswered = 0;
  const beat = setInterval(() => {
    if (connection.status !== 'ready') return;
    if (unanswered >= UNANSWERED_PINGS) connection.disconnect(true);
    else {
      unanswered++;
      connection.ping().then(() => (unanswered = 0), () => {});
    }
  }, PING_EVERY_MS).unref();
  // Else a connection that comes back between two beats would be given up once more, for the pings of the one before it.
  connection.on('ready', () => (unanswered = 0));
  connection.once('end', () => clearInterval(beat));
};

const ready = async (connection: Redis, timeoutMs: number, signal?: AbortSignal): Promise<void> => {
  signal?.throwIfAborted();
  if (connection.status === 'ready') return;
  const late = AbortSignal.timeout(timeoutMs);
  const over = signal ? AbortSignal.any([late, signal]) : late;
  await new Promise<void>((resolve, reject) => {
    const done = () => resolve();
    connection.once('ready', done);
    over.addEventListener(
      'abort',
      () => {
        connection.off('ready', done);
        reject(signal?.aborted ? (signal.reason as Error) : new RedisUnavailable(`Redis did not answer within ${timeoutMs} ms; is it running, and is REDIS_URL right?`));
      },
      { once: true },
    );
  });
};

/** Turns what ioredis and BullMQ throw while Redis is away into one error; anything else passes through. */
export const asRedisUnavailable = (error: unknown): unknown => {
  if (error instanceof RedisUnavailable || !(error instanceof Error)) return error;
  const away = /Connection is closed|Command timed out|Stream isn't writeable|enableOfflineQueue|ECONNREFUSED|ECONNRESET|ENOENT|EPIPE|max retries per request|LOADING|MASTERDOWN|Reached the max|Command aborted/i;
  return away.test(error.message) || error.name === 'MaxRetriesPerRequestError'
    ? new RedisUnavailable(`Redis is not reachable (${error.message})`, { cause: error })
    : error;
};
