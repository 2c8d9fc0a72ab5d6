import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { BatchWriter, type BatchWriterOptions, type BatchWriterStats } from './batch-writer';
import { toEpochMs, toFloat, toInteger, toText } from './column-values';
import type { Database } from './database';
import { newRowId } from './row-id';

/** One health check, as the health monitor hands it in. */
export interface MetricRow {
  /** Epoch milliseconds of the check. */
  timestamp: number;
  platformName: string;
  instanceId: string;
  /** The verdict, e.g. `healthy`. What counts as unhealthy is listed at `HEALTHY_STATES`. */
  state: string;
  /** Milliseconds; null when no answer came. */
  responseTimeMs: number | null;
  /** Errors since the check before. */
  errorCount: number;
  /** Requests since the check before. */
  requestCount: number;
  /** Resident memory in megabytes; null when it is not known. */
  resourceUsageMb: number | null;
}

/** One statement stays well below the 32 766 parameters that SQLite allows, and short for the event loop. */
const ROWS_PER_STATEMENT = 100;

/** Writes health checks to `integration_metrics`, in batches, when the database can take them. */
export class MetricsWriter {
  readonly #writer: BatchWriter<ReturnType<typeof toColumns>>;

  constructor(database: Database, options: BatchWriterOptions = {}) {
    this.#writer = new BatchWriter(async (rows) => {
      for (let at = 0; at < rows.length; at += ROWS_PER_STATEMENT) {
        await database
          .sql()
          .insertInto('integration_metrics')
          .values(rows.slice(at, at + ROWS_PER_STATEMENT))
          .onConflict((conflict) => conflict.column('id').doNothing())
          .execute();
        await yieldToOthers();
      }
    }, options);
  }

  /** Takes one check. Never throws, never blocks; what is no number becomes null or 0. */
  add(row: MetricRow): void {
    this.#writer.add(toColumns(row));
  }

  /** Writes what is buffered, for the drain. Never throws; resolves with the number of rows that are left. */
  flush(signal?: AbortSignal): Promise<number> {
    return this.#writer.flush(signal);
  }

  stats(): BatchWriterStats {
    return this.#writer.stats();
  }
}

const toColumns = (row: MetricRow) => ({
  id: newRowId(),
  timestamp: toEpochMs(row.timestamp),
  platform_name: toText(row.platformName),
  instance_id: toText(row.instanceId),
  state: toText(row.state),
  response_time_ms: toInteger(row.responseTimeMs, null),
  error_count: toInteger(row.errorCount, 0),
  request_count: toInteger(row.requestCount, 0),
  resource_usage_mb: toFloat(row.resourceUsageMb),
});
