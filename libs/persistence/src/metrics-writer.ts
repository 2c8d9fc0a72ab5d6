import { setImmediate as yieldToOthers } from 'node:timers/promises';
import type { MetricRow } from '@conductor/contracts';
import { toEpochMs, toFloat, toInteger, toText } from './column-values';
import type { Database } from './database';
import type { Identified } from './identified';

/** One statement stays well below the 32 766 parameters that SQLite allows, and short for the event loop. */
const ROWS_PER_STATEMENT = 100;

/** Writes health checks to `integration_metrics`. */
export class MetricsWriter {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** A check whose id is there already stays as it is; what is no number becomes null or 0. Throws `DatabaseUnavailable`. */
  async write(rows: ReadonlyArray<Identified<MetricRow>>): Promise<void> {
    await this.#database.run(async (em) => {
      for (let at = 0; at < rows.length; at += ROWS_PER_STATEMENT) {
        await this.#database
          .sql(em)
          .insertInto('integration_metrics')
          .values(rows.slice(at, at + ROWS_PER_STATEMENT).map(toColumns))
          .onConflict((conflict) => conflict.column('id').doNothing())
          .execute();
        // SQLite writes within the call.
        await yieldToOthers();
      }
    });
  }
}

const toColumns = ({ id, row }: Identified<MetricRow>) => ({
  id,
  timestamp: toEpochMs(row.timestamp),
  platform_name: toText(row.platformName),
  instance_id: toText(row.instanceId),
  state: toText(row.state),
  response_time_ms: toInteger(row.responseTimeMs, null),
  error_count: toInteger(row.errorCount, 0),
  request_count: toInteger(row.requestCount, 0),
  resource_usage_mb: toFloat(row.resourceUsageMb),
});
