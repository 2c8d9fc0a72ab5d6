import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { sql } from 'kysely';
import type { Database } from './database';
import { aggregateByHour, HOUR_MS, hourOf, HOURLY_COLUMNS, lastRolledUpHour } from './hourly-aggregate';

const DAY_MS = 24 * HOUR_MS;

export interface RetentionOptions {
  /** Age at which single checks go. Default 7 days. */
  keepRawMs?: number;
  /** Age at which hourly roll-ups go. Default 90 days. */
  keepHourlyMs?: number;
  /** Age at which platform and breaker transitions and start-up steps go. Default 90 days. */
  keepTransitionsMs?: number;
}

/** How many rows went. */
export interface Pruned {
  raw: number;
  hourly: number;
  transitions: number;
}

/** Small enough that neither the event loop nor another process waits for long. */
const ROWS_PER_DELETE = 1000;

/** Turns old checks into hourly roll-ups and removes what is too old. The audit log is not touched: it stays. */
export class MetricsRetention {
  readonly #database: Database;
  readonly #options: Required<RetentionOptions>;

  constructor(database: Database, options: RetentionOptions = {}) {
    this.#database = database;
    this.#options = { keepRawMs: 7 * DAY_MS, keepHourlyMs: 90 * DAY_MS, keepTransitionsMs: 90 * DAY_MS, ...options };
  }

  /**
   * Rolls up every full hour that has checks which its roll-up does not count yet; so checks that were written late, after
   * an outage, are not missed. Any number of processes may do it at once and as often as they like. `now` is in epoch
   * milliseconds. Resolves with the number of rows written, one per platform and hour. Throws `DatabaseUnavailable`.
   */
  async rollUp(now: number): Promise<number> {
    const end = hourOf(now);
    return this.#database.run(async () => {
      let written = 0;
      for (let hour = await this.#nextHour(0, end); hour !== undefined; hour = await this.#nextHour(hour + HOUR_MS, end)) {
        if (await this.#hasMoreThanRolledUp(hour)) written += await this.#rollUpHour(hour);
        await yieldToOthers();
      }
      return written;
    });
  }

  /**
   * Removes what is older than its retention, in small steps. Single checks go by whole hours and only when a roll-up has
   * passed over them, so nothing is lost when it has not run for long. Throws `DatabaseUnavailable`.
   */
  async prune(now: number): Promise<Pruned> {
    const { keepRawMs, keepHourlyMs, keepTransitionsMs } = this.#options;
    return this.#database.run(async (em) => {
      const rolledUpTo = ((await lastRolledUpHour(this.#database.sql(em))) ?? -HOUR_MS) + HOUR_MS;
      const raw = await this.#deleteBefore('integration_metrics', 'timestamp', Math.min(hourOf(now - keepRawMs), rolledUpTo));
      const hourly = await this.#deleteHourlyBefore(hourOf(now - keepHourlyMs));
      let transitions = 0;
      for (const table of ['platform_transitions', 'breaker_transitions', 'startup_steps']) {
        transitions += await this.#deleteBefore(table, 'at', now - keepTransitionsMs);
      }
      return { raw, hourly, transitions };
    });
  }

  /** The first hour of [from, end) that has any check. */
  async #nextHour(from: number, end: number): Promise<number | undefined> {
    const row = await this.#database
      .sql()
      .selectFrom('integration_metrics')
      .select('timestamp')
      .where('timestamp', '>=', from)
      .where('timestamp', '<', end)
      .orderBy('timestamp')
      .limit(1)
      .executeTakeFirst();
    return row && hourOf(Number(row.timestamp));
  }

  /** Counting reads the index only; it saves computing anew what has not changed, which is nearly every hour. */
  async #hasMoreThanRolledUp(hour: number): Promise<boolean> {
    const counts = await sql<{ raw: number; rolled_up: number }>`select
      (select count(*) from integration_metrics where timestamp >= ${hour} and timestamp < ${hour + HOUR_MS}) as raw,
      (select coalesce(sum(checks), 0) from integration_metrics_hourly where hour = ${hour}) as rolled_up`.execute(this.#database.sql());
    const [row] = counts.rows;
    return row !== undefined && Number(row.raw) > Number(row.rolled_up);
  }

  /**
   * One statement, so that a reader sees the hour before or after. A row gives way only to one that counts more checks:
   * then it does not matter who is later, nor that a part of the hour may be pruned already.
   */
  async #rollUpHour(hour: number): Promise<number> {
    const db = this.#database.sql();
    const result = await db
      .insertInto('integration_metrics_hourly')
      .columns([...HOURLY_COLUMNS])
      // In one order, so that two processes which write the same rows do not lock each other out.
      .expression(aggregateByHour(db, { from: hour, to: hour + HOUR_MS }).orderBy('platform_name'))
      .onConflict((conflict) =>
        conflict
          .columns(['platform_name', 'hour'])
          .doUpdateSet((eb) => Object.fromEntries(HOURLY_COLUMNS.map((column) => [column, eb.ref(`excluded.${column}`)])))
          .where(sql<boolean>`excluded.checks > integration_metrics_hourly.checks`),
      )
      .executeTakeFirst();
    return Number(result.numInsertedOrUpdatedRows ?? 0);
  }

  async #deleteBefore(table: string, time: string, before: number): Promise<number> {
    return this.#inSteps(async () => {
      const [at, name] = [sql.ref(time), sql.table(table)];
      const step = sql`delete from ${name} where id in (select id from ${name} where ${at} < ${before} order by ${at} limit ${ROWS_PER_DELETE})`;
      return (await step.execute(this.#database.sql())).numAffectedRows;
    });
  }

  /** Few rows, and no id to choose a part of them by. */
  async #deleteHourlyBefore(before: number): Promise<number> {
    const { numDeletedRows } = await this.#database.sql().deleteFrom('integration_metrics_hourly').where('hour', '<', before).executeTakeFirst();
    return Number(numDeletedRows);
  }

  async #inSteps(step: () => Promise<bigint | undefined>): Promise<number> {
    for (let total = 0; ; ) {
      const removed = Number((await step()) ?? 0);
      total += removed;
      if (removed < ROWS_PER_DELETE) return total;
      await yieldToOthers();
    }
  }
}
