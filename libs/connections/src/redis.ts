import { asRedisAddress } from '@conductor/config';
import type { Logger } from '@conductor/observability';
import { Redis, type RedisOptions } from 'ioredis';
import { isFailover, refused } from './redis-refusal';
import { RedisUnavailable } from './redis-unavailable';

/**
 * Redis that lets so many beats in a row pass without a byte, though a ping waits for its answer, hangs. Its connection is given up then, so
 * that callers are refused at once. Bytes count and not the age of a command: behind a large answer, or on a slow network, everything
 * is late and nothing hangs.
 */
const SILENT_BEATS = 2;
const BEAT_MS = 700;
/** What is written to try it is gone soon. */
const WRITE_CHECK_MS = 10_000;
/** A refusal is worth repeating for this long. */
const REFUSAL_MS = 10_000;
/** A replica that stays one is asked for its primary no more often. */
const RECONNECT_EVERY_MS = 2_000;

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
  private refusal?: { error: RedisUnavailable; at: number };
  private reconnectedAt = -Infinity;

  constructor(
    private readonly url: string,
    readonly namespace: string,
    private readonly logger: Logger,
  ) {
    this.commands = this.open({ enableOfflineQueue: false, maxRetriesPerRequest: 0, enableAutoPipelining: true });
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
    const connection = this.open({ enableOfflineQueue: false, maxRetriesPerRequest: 0 });
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

  /** Tries whether Redis takes a write. Reading may go well while it refuses them. @throws RedisUnavailable */
  async tryWrite(): Promise<void> {
    // While connections are made anew because of it, nothing else is to be said.
    if (this.refusal && this.commands.status !== 'ready' && Date.now() - this.refusal.at < REFUSAL_MS) throw this.refusal.error;
    try {
      await this.commands.set(`${this.namespace}:write-check`, '1', 'PX', WRITE_CHECK_MS);
    } catch (error) {
      throw asRedisUnavailable(error);
    }
  }

  async close(): Promise<void> {
    for (const connection of [...this.others, this.subscriber, this.commands]) connection.disconnect();
  }

  /** Hears every error that Redis answers with. @returns whether to connect anew: after a failover the old connection leads to a replica */
  private noteRefusal(error: Error): boolean {
    const unavailable = refused(error);
    if (!unavailable) return false;
    const now = Date.now();
    this.refusal = { error: unavailable, at: now };
    if (!isFailover(error) || now - this.reconnectedAt < RECONNECT_EVERY_MS) return false;
    this.reconnectedAt = now;
    for (const connection of [this.subscriber, ...this.others]) if (connection.status === 'ready') connection.disconnect(true);
    return true;
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
    const connection: Redis = new Redis(asRedisAddress(this.url), {
      ...options,
      reconnectOnError: (error) => this.noteRefusal(error),
      // A hanging server does not take part in closing.
      disconnectTimeout: 100,
      // Loopback comes back fast; the jitter keeps many processes from knocking in step.
      retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 6), 2_000) * (0.5 + Math.random() / 2),
    });
    if (options.maxRetriesPerRequest === 0) giveUpWhenItHangs(connection);
    connection.on('error', (error: Error) => this.lost(connection, error));
    connection.on('ready', () => this.found(connection));
    return connection;
  }
}

const giveUpWhenItHangs = (connection: Redis) => {
  let silent = 0;
  let asked = false;
  let read = 0;
  let sent = 0;
  const beat = setInterval(() => {
    if (connection.status !== 'ready') return;
    const { bytesRead, bytesWritten, writableLength } = connection.stream;
    const hasSent = bytesWritten - writableLength;
    // What is sent counts only while more than the network takes at once is waiting to be: the network takes something for a server that hangs, too.
    const moves = bytesRead !== read || (writableLength > 0 && hasSent !== sent);
    [read, sent] = [bytesRead, hasSent];
    silent = asked && !moves ? silent + 1 : 0;
    if (silent >= SILENT_BEATS) return connection.disconnect(true);
    if (asked) return;
    asked = true;
    connection.ping().then(() => (asked = false), () => {});
  }, BEAT_MS).unref();
  // Else a connection that comes back between two beats would be given up once more, for the ping of the one before it.
  connection.on('ready', () => {
    asked = false;
    silent = 0;
  });
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

/** Turns what ioredis and BullMQ throw while Redis is away, or refuses service, into one error; anything else passes through. */
export const asRedisUnavailable = (error: unknown): unknown => {
  if (error instanceof RedisUnavailable || !(error instanceof Error)) return error;
  const refusal = refused(error);
  if (refusal) return refusal;
  const away = /Connection is closed|Command timed out|Stream isn't writeable|enableOfflineQueue|ECONNREFUSED|ECONNRESET|ENOENT|EPIPE|max retries per request|Reached the max|Command aborted/i;
  return away.test(error.message) || error.name === 'MaxRetriesPerRequestError'
    ? new RedisUnavailable(`Redis is not reachable (${error.message})`, { cause: error })
    : error;
};
