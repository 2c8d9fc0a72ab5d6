import type { HistoryKind, HistoryRow } from '@conductor/contracts';
import type { Database } from './database';
import { isDataRefused, messageOf } from './database-errors';
import { MetricsWriter } from './metrics-writer';
import { ScalingHistory } from './scaling-history';
import { ScalingLog } from './scaling-log';
import { TransitionLog } from './transition-log';

type OfKind<K extends HistoryKind> = Extract<HistoryRow, { kind: K }>;

/** Puts every row of history into its table; the tables are made when the first one comes. */
export class HistoryWriter {
  readonly #database: Database;
  readonly #onRefused: (row: HistoryRow, reason: string) => void;
  readonly #metrics: MetricsWriter;
  readonly #transitions: TransitionLog;
  readonly #decisions: ScalingLog;
  readonly #rollups: ScalingHistory;
  #isMigrated = false;

  /** @param onRefused told of a row that the database refuses for what is in it; it is left out */
  constructor(database: Database, onRefused: (row: HistoryRow, reason: string) => void = () => undefined) {
    this.#database = database;
    this.#onRefused = onRefused;
    this.#metrics = new MetricsWriter(database);
    this.#transitions = new TransitionLog(database);
    this.#decisions = new ScalingLog(database);
    this.#rollups = new ScalingHistory(database);
  }

  /** Rows that are there already are stored once. Throws when not all of them are stored: `DatabaseUnavailable` while the database is away. */
  async write(rows: readonly HistoryRow[]): Promise<void> {
    if (!this.#isMigrated) await this.#database.migrate();
    this.#isMigrated = true;
    try {
      await this.#writeAll(rows);
    } catch (error) {
      if (!isDataRefused(error)) throw error;
      await this.#writeOneByOne(rows);
    }
  }

  async #writeAll(rows: readonly HistoryRow[]): Promise<void> {
    const of = <K extends HistoryKind>(...kinds: K[]) => rows.filter((row): row is OfKind<K> => (kinds as HistoryKind[]).includes(row.kind));
    await this.#metrics.write(of('metric'));
    await this.#transitions.write(of('platform-transition', 'breaker-transition', 'startup-step'));
    await this.#decisions.write(of('scaling-decision').map(({ row }) => row));
    await this.#rollups.write(of('scaling-rollup').map(({ row }) => row));
  }

  /** One row that the database refuses must not hold back the others for ever. */
  async #writeOneByOne(rows: readonly HistoryRow[]): Promise<void> {
    for (const row of rows) {
      try {
        await this.#writeAll([row]);
      } catch (error) {
        if (!isDataRefused(error)) throw error;
        this.#onRefused(row, messageOf(error));
      }
    }
  }
}
