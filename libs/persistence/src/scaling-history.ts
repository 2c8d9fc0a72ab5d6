import { sql } from 'kysely';
import { BatchWriter, type BatchWriterOptions, type BatchWriterStats } from './batch-writer';
import { toEpochMs, toInteger, toText } from './column-values';
import type { Database } from './database';

/** What was seen of one series within one stretch of time. Times in (epoch) milliseconds. */
export interface RollupRow {
  readonly bucketMs: number;
  readonly series: string;
  readonly at: number;
  readonly writer: string;
  readonly samples: number;
  readonly mean: number;
  readonly max: number;
}

export interface RollupPoint {
  readonly at: number;
  readonly mean: number;
  readonly max: number;
}

const ROWS_PER_DELETE = 1_000;
const ROWS_PER_STATEMENT = 100;

/** The longer memory of the scaler: roll-ups of every series. Writing never throws; reading throws `DatabaseUnavailable`. */
export class ScalingHistory {
  readonly #database: Database;
  readonly #writer: BatchWriter<ReturnType<typeof toColumns>>;

  constructor(database: Database, options: BatchWriterOptions = {}) {
    this.#database = database;
    this.#writer = new BatchWriter((rows) => this.#write(rows), { ...options });
  }

  add(row: RollupRow): void {
    this.#writer.add(toColumns(row));
  }

  flush(signal?: AbortSignal): Promise<number> {
    return this.#writer.flush(signal);
  }

  stats(): BatchWriterStats {
    return this.#writer.stats();
  }

  /** Stretches of one length since a time, by series, oldest first; those that several scalers saw are joined. */
  async since(bucketMs: number, from: number): Promise<Map<string, RollupPoint[]>> {
    const rows = await this.#database.run((em) =>
      this.#database
        .sql(em)
        .selectFrom('scaling_rollups')
        .select(['series', 'at'])
        .select(sql<number>`sum(mean * samples) / sum(samples)`.as('mean'))
        .select(sql<number>`max(max)`.as('max'))
        .where('bucket_ms', '=', bucketMs)
        .where('at', '>=', from)
        .groupBy(['series', 'at'])
        .orderBy('at')
        .execute(),
    );
    const found = new Map<string, RollupPoint[]>();
    for (const { series, at, mean, max } of rows) {
      const points = found.get(series) ?? [];
      points.push({ at: Number(at), mean: Number(mean), max: Number(max) });
      found.set(series, points);
    }
    return found;
  }

  /** Removes stretches of one length that began before a time. @returns how many */
  async prune(bucketMs: number, before: number): Promise<number> {
    return this.#database.run(async () => {
      for (let total = 0; ; ) {
        const removed = Number(
          (
            await sql`delete from scaling_rollups where bucket_ms = ${bucketMs} and at < ${before} and at <= (
              select max(at) from (select at from scaling_rollups where bucket_ms = ${bucketMs} and at < ${before} order by at limit ${ROWS_PER_DELETE}) as oldest)`.execute(this.#database.sql())
          ).numAffectedRows ?? 0,
        );
        total += removed;
        if (removed === 0) return total;
      }
    });
  }

  async #write(rows: ReadonlyArray<ReturnType<typeof toColumns>>): Promise<void> {
    const db = this.#database.sql();
    for (let at = 0; at < rows.length; at += ROWS_PER_STATEMENT) {
      await db
        .insertInto('scaling_rollups')
        .values(rows.slice(at, at + ROWS_PER_STATEMENT))
        .onConflict((conflict) => conflict.columns(['bucket_ms', 'series', 'at', 'writer']).doNothing())
        .execute();
    }
  }
}

const toColumns = ({ bucketMs, series, at, writer, samples, mean, max }: RollupRow) => ({
  bucket_ms: bucketMs,
  series: toText(series, 128),
  at: toEpochMs(at),
  writer: toText(writer, 64),
  samples: toInteger(samples, 1),
  mean: Number.isFinite(mean) ? mean : 0,
  max: Number.isFinite(max) ? max : 0,
});
