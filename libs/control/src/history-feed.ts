import type { RedisConnections } from '@conductor/connections';
import type { HistoryKind, HistoryRow, HistoryRowOf } from '@conductor/contracts';
import type { Logger } from '@conductor/observability';
import { BatchWriter } from './batch-writer';
import { HistoryStream } from './history-stream';
import { newRowId } from './row-id';

/** What is added within this time travels in one entry: the checks of a round come side by side. */
const GATHER_MS = 100;
const ROWS_PER_ENTRY = 100;
/** Without Redis no platform is checked and nothing is decided, so few rows come. */
const MOST_KEPT = 5_000;
/** Once Redis is back, rows go soon. */
const MOST_PAUSE_MS = 2_000;
/** Well within the drain of the process. */
const FLUSH_MS = 1_500;
/** A conductor takes what is there every second. */
const LATE_MS = 60_000;

/**
 * Where apps put what belongs into the history. It travels through Redis to the active conductor, which alone writes the database; so no other
 * app needs one, nor loads what it takes to speak to it.
 */
export class HistoryFeed {
  private readonly stream: HistoryStream;
  private readonly writer: BatchWriter<HistoryRow>;

  constructor(
    connections: RedisConnections,
    private readonly logger: Logger,
  ) {
    this.stream = new HistoryStream(connections);
    this.writer = new BatchWriter((rows) => this.stream.append(rows), {
      flushEveryMs: GATHER_MS,
      batchSize: ROWS_PER_ENTRY,
      maxBuffered: MOST_KEPT,
      maxBackoffMs: MOST_PAUSE_MS,
      onEvent: (event) =>
        event.type === 'back'
          ? logger.info({ ...event }, 'history: Redis takes rows again')
          : logger.warn({ ...event }, 'history: Redis takes no rows; they are kept here until it does'),
    });
  }

  /** Never throws, never blocks. */
  add<K extends HistoryKind>(kind: K, row: HistoryRowOf<K>): void {
    this.writer.add({ kind, id: newRowId(), row } as HistoryRow);
  }

  /** Sends what is left, for the drain. */
  async close(): Promise<void> {
    const lost = await this.writer.flush(AbortSignal.timeout(FLUSH_MS));
    if (lost > 0) this.logger.warn({ rows: lost }, 'history could not be sent to Redis and is lost');
  }

  /** For `/health/flow`: whether rows get away from here, and are written where they go. */
  async health(): Promise<{ up: boolean; reason: string }> {
    const { buffered, dropped, lastError } = this.writer.stats();
    const lost = dropped > 0 ? `; ${dropped} are lost` : '';
    if (lastError) return { up: false, reason: `Redis takes no history (${lastError.message}); ${buffered} rows wait here${lost}` };
    const { entries, oldestMs, isFull } = await this.stream.waiting();
    if (oldestMs > LATE_MS) {
      const full = isFull ? ' (no more fit: each new one costs the oldest)' : '';
      return { up: false, reason: `nobody writes history into the database: ${entries} entries wait in Redis${full}, the oldest for ${Math.round(oldestMs / 1_000)} s. Does a conductor run, and can it use its database?` };
    }
    return { up: true, reason: `${buffered} rows wait here, ${entries} entries in Redis${lost}` };
  }
}
