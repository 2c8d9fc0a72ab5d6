import { setImmediate as yieldToOthers, setTimeout as wait } from 'node:timers/promises';

export interface BatchWriterOptions {
  /** A row waits at most this long before it is written. Default 1000. */
  flushEveryMs?: number;
  /** So many rows are written at once, and as soon as they are there. Default 500. */
  batchSize?: number;
  /** So many rows are kept while they cannot be written; then the oldest go first. Default 20 000. */
  maxBuffered?: number;
  /** The wait after the first failure; doubles with each more, with jitter. Default 500. */
  firstBackoffMs?: number;
  /** Default 30 000. */
  maxBackoffMs?: number;
  /** Told when trouble begins and ends, not at every try. */
  onEvent?: (event: BatchWriterEvent) => void;
}

export type BatchWriterEvent =
  | { type: 'away'; error: string; buffered: number }
  | { type: 'back'; afterMs: number; droppedMeanwhile: number };

export interface BatchWriterStats {
  /** Rows that wait to be written, those under way included. */
  buffered: number;
  written: number;
  /** Rows lost: pushed out of the full buffer. */
  dropped: number;
  /** Absent while all is well. */
  lastError?: { message: string; at: number };
}

/**
 * Collects rows and writes them in batches, so that whoever adds one neither waits nor fails. While they cannot be written
 * they are kept up to a bound and tried again with back-off: an outage costs history, never a message.
 */
export class BatchWriter<Row> {
  readonly #write: (rows: readonly Row[]) => Promise<void>;
  readonly #options: Required<Omit<BatchWriterOptions, 'onEvent'>>;
  readonly #onEvent: (event: BatchWriterEvent) => void;
  #buffer: Row[] = [];
  #inFlight = 0;
  #writing?: Promise<void> | undefined;
  #timer?: NodeJS.Timeout | undefined;
  #failures = 0;
  #trouble?: { since: number; dropped: number } | undefined;
  #written = 0;
  #dropped = 0;
  #lastError?: { message: string; at: number } | undefined;

  /** `write` may be given rows again that a failed call has stored already, so it must not store a row twice. */
  constructor(write: (rows: readonly Row[]) => Promise<void>, { onEvent, ...options }: BatchWriterOptions = {}) {
    this.#write = write;
    this.#onEvent = onEvent ?? (() => undefined);
    this.#options = { flushEveryMs: 1000, batchSize: 500, maxBuffered: 20_000, firstBackoffMs: 500, maxBackoffMs: 30_000, ...options };
  }

  /** Takes a row. Never throws, never blocks. */
  add(row: Row): void {
    this.#buffer.push(row);
    this.#dropOverflow();
    this.#schedule();
  }

  /**
   * Writes all that is buffered, for a drain; tries again until it is done or `signal` aborts (default: 3 s).
   * Never throws; resolves with the number of rows that are left.
   */
  async flush(signal: AbortSignal = AbortSignal.timeout(3000)): Promise<number> {
    const timeIsUp = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    while (this.stats().buffered > 0 && !signal.aborted) {
      await Promise.race([this.#writing ?? this.#writeOnce(), timeIsUp]);
      if (this.#failures > 0) await wait(50, undefined, { signal }).catch(() => undefined);
    }
    return this.stats().buffered;
  }

  stats(): BatchWriterStats {
    const counts = { buffered: this.#buffer.length + this.#inFlight, written: this.#written, dropped: this.#dropped };
    return this.#lastError ? { ...counts, lastError: this.#lastError } : counts;
  }

  #schedule(): void {
    if (this.#writing || this.#buffer.length === 0) return;
    if (this.#failures === 0 && this.#buffer.length >= this.#options.batchSize) {
      this.#startWriting();
      return;
    }
    // The timer does not keep the process alive: a drain flushes.
    this.#timer ??= setTimeout(() => this.#startWriting(), this.#delayMs()).unref();
  }

  #delayMs(): number {
    const { flushEveryMs, firstBackoffMs, maxBackoffMs } = this.#options;
    if (this.#failures === 0) return flushEveryMs;
    return Math.min(maxBackoffMs, firstBackoffMs * 2 ** (this.#failures - 1)) * (0.5 + Math.random() / 2);
  }

  #startWriting(): void {
    void this.#writeOnce();
  }

  #writeOnce(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writeBatch().finally(() => {
      this.#writing = undefined;
      this.#schedule();
    });
    return this.#writing;
  }

  async #writeBatch(): Promise<void> {
    // After `add` has returned, so that it costs its caller nothing.
    await yieldToOthers();
    const batch = this.#buffer.splice(0, this.#options.batchSize);
    this.#inFlight = batch.length;
    try {
      await this.#write(batch);
      this.#written += batch.length;
      this.#succeeded();
    } catch (error) {
      this.#keep(batch, error);
    } finally {
      this.#inFlight = 0;
    }
  }

  #succeeded(): void {
    this.#failures = 0;
    this.#lastError = undefined;
    if (!this.#trouble) return;
    const { since, dropped } = this.#trouble;
    this.#trouble = undefined;
    this.#emit({ type: 'back', afterMs: Date.now() - since, droppedMeanwhile: this.#dropped - dropped });
  }

  #keep(batch: readonly Row[], error: unknown): void {
    this.#buffer = [...batch, ...this.#buffer];
    this.#inFlight = 0;
    this.#failures += 1;
    const message = error instanceof Error ? error.message : String(error);
    this.#lastError = { message, at: Date.now() };
    if (!this.#trouble) {
      this.#trouble = { since: Date.now(), dropped: this.#dropped };
      this.#emit({ type: 'away', error: message, buffered: this.#buffer.length });
    }
    this.#dropOverflow();
  }

  #dropOverflow(): void {
    const overflow = this.#buffer.length + this.#inFlight - this.#options.maxBuffered;
    if (overflow <= 0) return;
    this.#dropped += this.#buffer.splice(0, Math.min(overflow, this.#buffer.length)).length;
  }

  #emit(event: BatchWriterEvent): void {
    try {
      this.#onEvent(event);
    } catch {
      // whoever listens must not break the writing
    }
  }
}
