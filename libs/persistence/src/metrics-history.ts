import type { MetricRow } from '@conductor/contracts';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { sql } from 'kysely';
import type { Database } from './database';
import { IntegrationMetric } from './entities';
import { aggregateByHour, HOUR_MS, hourOf, HOURLY_COLUMNS, lastRolledUpHour } from './hourly-aggregate';

export interface HistoryQuery {
  platform: string;
  /** Epoch milliseconds. */
  from: number;
  /** Epoch milliseconds; not part of the range. */
  to: number;
  /** `auto` gives single checks for up to 6 hours as long as they are kept, and hours beyond. Default `auto`. */
  resolution?: 'raw' | 'hour' | 'auto';
  /** So many points at most, the newest of the range. Default 1000, at most 10 000. */
  limit?: number;
}

/** One hour of one platform, over all of its instances. */
export interface HourPoint {
  /** Epoch milliseconds at which the hour begins. */
  hour: number;
  checks: number;
  /** Checks that did not find the platform well. */
  unhealthyChecks: number;
  /** Milliseconds; null when nothing answered in that hour. `p95` by nearest rank. */
  responseTimeMs: { avg: number | null; max: number | null; p95: number | null };
  errorCount: number;
  requestCount: number;
  /** Megabytes of resident memory of one instance; null when never known. */
  resourceUsageMb: { avg: number | null; max: number | null };
}

/** Points in the order of time. `truncated`: the range has older ones beyond the limit. */
export type History =
  | { resolution: 'raw'; points: MetricRow[]; truncated: boolean }
  | { resolution: 'hour'; points: HourPoint[]; truncated: boolean };

export interface MetricsHistoryOptions {
  /** Age up to which single checks exist; the same as for the retention. Default 7 days. */
  keepRawMs?: number;
}

type Range = Pick<HistoryQuery, 'platform' | 'from' | 'to'>;

const MAX_POINTS = 10_000;
const RAW_SPAN_MS = 6 * HOUR_MS;

/** Reads back what the health monitor wrote. Every method throws `DatabaseUnavailable` when the database is away. */
export class MetricsHistory {
  readonly #database: Database;
  readonly #keepRawMs: number;

  constructor(database: Database, { keepRawMs = 168 * HOUR_MS }: MetricsHistoryOptions = {}) {
    this.#database = database;
    this.#keepRawMs = keepRawMs;
  }

  /** What happened to one platform. */
  async history({ resolution = 'auto', limit = 1000, ...query }: HistoryQuery): Promise<History> {
    const points = Math.max(1, Math.min(MAX_POINTS, Math.floor(limit)));
    const raw = resolution === 'raw' || (resolution === 'auto' && this.#rawIsBetter(query));
    return this.#database.run((em) => (raw ? this.#raw(em, query, points) : this.#hourly(em, query, points)));
  }

  /** The last check of each instance that was checked within `withinMs`; sorted by platform and instance. */
  async latest({ withinMs = 60_000, now = Date.now() }: { withinMs?: number; now?: number } = {}): Promise<MetricRow[]> {
    return this.#database.run(async (em) => {
      const db = this.#database.sql(em);
      const age = sql<number>`row_number() over (partition by platform_name, instance_id order by timestamp desc)`;
      const numbered = db.selectFrom('integration_metrics').select('id').select(age.as('age')).where('timestamp', '>=', now - withinMs);
      const newest = await db.selectFrom(numbered.as('numbered')).select('id').where('age', '=', 1).execute();
      const where = { id: { $in: newest.map(({ id }) => id) } };
      const orderBy = { platformName: 'asc', instanceId: 'asc' } as const;
      return (await em.find(IntegrationMetric, where, { orderBy, disableIdentityMap: true })).map(toMetricRow);
    });
  }

  #rawIsBetter({ from, to }: Range): boolean {
    return to - from <= RAW_SPAN_MS && from >= Date.now() - this.#keepRawMs;
  }

  async #raw(em: SqlEntityManager, { platform, from, to }: Range, limit: number): Promise<History> {
    const where = { platformName: platform, timestamp: { $gte: from, $lt: to } };
    const options = { orderBy: { timestamp: 'desc' }, limit: limit + 1, disableIdentityMap: true } as const;
    const rows = await em.find(IntegrationMetric, where, options);
    return { resolution: 'raw', ...newest(rows.map(toMetricRow), limit) };
  }

  /** Stored hours, and those after them computed now, so that the running hour is there too. */
  async #hourly(em: SqlEntityManager, { platform, from, to }: Range, limit: number): Promise<History> {
    const db = this.#database.sql(em);
    const firstHour = hourOf(from);
    const liveFrom = Math.max(firstHour, ((await lastRolledUpHour(db)) ?? -HOUR_MS) + HOUR_MS);
    const live = liveFrom < to ? await aggregateByHour(db, { from: liveFrom, to, platform }).orderBy('hour', 'desc').execute() : [];
    const stored = await db
      .selectFrom('integration_metrics_hourly')
      .select([...HOURLY_COLUMNS])
      .where('platform_name', '=', platform)
      .where('hour', '>=', firstHour)
      .where('hour', '<', Math.min(to, liveFrom))
      .orderBy('hour', 'desc')
      .limit(limit + 1)
      .execute();
    return { resolution: 'hour', ...newest([...live, ...stored].map(toHourPoint), limit) };
  }
}

/** From newest first to the order of time, cut to the limit. */
const newest = <T>(points: T[], limit: number): { points: T[]; truncated: boolean } => ({
  points: points.slice(0, limit).reverse(),
  truncated: points.length > limit,
});

const toMetricRow = (row: IntegrationMetric): MetricRow => ({
  timestamp: row.timestamp,
  platformName: row.platformName,
  instanceId: row.instanceId,
  state: row.state,
  responseTimeMs: row.responseTimeMs ?? null,
  errorCount: row.errorCount,
  requestCount: row.requestCount,
  resourceUsageMb: row.resourceUsageMb ?? null,
});

type HourColumns = Record<Exclude<(typeof HOURLY_COLUMNS)[number], 'platform_name'>, number | string | null | undefined>;

/** PostgreSQL gives sums and averages of whole numbers as text, because they may be longer than a double. */
const toHourPoint = (row: HourColumns): HourPoint => ({
  hour: Number(row.hour),
  checks: Number(row.checks),
  unhealthyChecks: Number(row.unhealthy_checks),
  responseTimeMs: { avg: orNull(row.avg_response_time_ms), max: orNull(row.max_response_time_ms), p95: orNull(row.p95_response_time_ms) },
  errorCount: Number(row.error_count),
  requestCount: Number(row.request_count),
  resourceUsageMb: { avg: orNull(row.avg_resource_usage_mb), max: orNull(row.max_resource_usage_mb) },
});

const orNull = (value: number | string | null | undefined): number | null => (value === null || value === undefined ? null : Number(value));
