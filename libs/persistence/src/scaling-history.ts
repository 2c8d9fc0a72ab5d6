import type { ScalingRollupRow } from '@conductor/contracts';
import { sql } from 'kysely';
import { toEpochMs, toInteger, toText } from './column-values';
import type { Database } from './database';

export interface RollupPoint {
  readonly at: number;
  readonly mean: number;
  readonly max: number;
}

const ROWS_PER_DELETE = 1_000;
const ROWS_PER_STATEMENT = 100;

/** The longer memory of the scaler: roll-ups of every series. All methods throw `DatabaseUnavailable` when the database is away. */
export class ScalingHistory {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** What one scaler saw of one stretch stands as it was written first. */
  async write(rows: readonly ScalingRollupRow[]): Promise<void> {
    await this.#database.run(async (em) => {
      for (let at = 0; at < rows.length; at += ROWS_PER_STATEMENT) {
        await this.#database
          .sql(em)
          .insertInto('scaling_rollups')
          .values(rows.slice(at, at + ROWS_PER_STATEMENT).map(toColumns))
          .onConflict((conflict) => conflict.columns(['bucket_ms', 'series', 'at', 'writer']).doNothing())
          .execute();
      }
    });
  }

  /**
   * Stretches of one length since a time, by series, oldest first; those that several scalers saw are joined.
   * @param everyMs joins stretches to such of this length, a multiple of theirs
   */
  async since(bucketMs: number, from: number, everyMs = bucketMs): Promise<Map<string, RollupPoint[]>> {
    const rows = await this.#database.run((em) =>
      this.#database
        .sql(em)
        .selectFrom('scaling_rollups')
        .select('series')
        .select(sql<number>`at - at % ${sql.lit(everyMs)}`.as('begin'))
        .select(sql<number>`sum(mean * samples) / sum(samples)`.as('mean'))
        .select(sql<number>`max(max)`.as('max'))
        .where('bucket_ms', '=', bucketMs)
        .where('at', '>=', from)
        .groupBy(['series', 'begin'])
        .orderBy('series')
        .orderBy('begin')
        .execute(),
    );
    const found = new Map<string, RollupPoint[]>();
    for (const { series, begin, mean, max } of rows) {
      const points = found.get(series) ?? [];
      points.push({ at: Number(begin), mean: Number(mean), max: Number(max) });
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
}

const toColumns = ({ bucketMs, series, at, writer, samples, mean, max }: ScalingRollupRow) => ({
  bucket_ms: bucketMs,
  series: toText(series, 128),
  at: toEpochMs(at),
  writer: toText(writer, 64),
  samples: toInteger(samples, 1),
  mean: Number.isFinite(mean) ? mean : 0,
  max: Number.isFinite(max) ? max : 0,
});
