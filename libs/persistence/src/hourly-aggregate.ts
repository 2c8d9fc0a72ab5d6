import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { Tables } from './entities';

export const HOUR_MS = 3_600_000;
export const hourOf = (epochMs: number): number => Math.floor(epochMs / HOUR_MS) * HOUR_MS;

/**
 * States of a check that is no reason to worry: it went well, or nobody expected the platform to work. Every other state
 * (degraded, failing, failed, silent, …) counts as unhealthy.
 */
export const HEALTHY_STATES = ['healthy', 'ready', 'idle', 'starting', 'registered', 'suspended', 'disabled'];

export interface HourRange {
  /** Epoch milliseconds, both at the beginning of an hour; `to` is not part of the range. */
  from: number;
  to: number;
  platform?: string | undefined;
}

/**
 * The raw checks of a range as one row per platform and hour, in the columns of `integration_metrics_hourly`. Used for the
 * stored roll-ups and for the hours that are not rolled up yet, so that both say the same. The 95th percentile is found by
 * rank, because SQLite has no function for it.
 */
export const aggregateByHour = (db: Kysely<Tables>, { from, to, platform }: HourRange) => {
  const checks = db
    .selectFrom('integration_metrics')
    .select(['platform_name', 'state', 'response_time_ms', 'error_count', 'request_count', 'resource_usage_mb'])
    .select(sql<number>`timestamp - timestamp % ${sql.lit(HOUR_MS)}`.as('hour'))
    .where('timestamp', '>=', from)
    .where('timestamp', '<', to)
    .$if(platform !== undefined, (query) => query.where('platform_name', '=', platform ?? ''));
  const ranked = db
    .selectFrom(checks.as('checks'))
    .selectAll()
    // The databases disagree on where nulls sort, so they are sent to the end by name.
    .select(sql<number>`row_number() over (partition by platform_name, hour order by case when response_time_ms is null then 1 else 0 end, response_time_ms)`.as('rank'))
    .select(sql<number>`count(response_time_ms) over (partition by platform_name, hour)`.as('answered'));
  const healthy = sql.join(HEALTHY_STATES.map((state) => sql.lit(state)));
  return db
    .selectFrom(ranked.as('ranked'))
    .select(['platform_name', 'hour'])
    .select(sql<number>`count(*)`.as('checks'))
    .select(sql<number>`sum(case when state in (${healthy}) then 0 else 1 end)`.as('unhealthy_checks'))
    .select(sql<number | null>`avg(response_time_ms)`.as('avg_response_time_ms'))
    .select(sql<number | null>`max(response_time_ms)`.as('max_response_time_ms'))
    // (95 n + 99) / 100 in whole numbers is 95 % of n, rounded up.
    .select(sql<number | null>`max(case when rank = (95 * answered + 99) / 100 then response_time_ms end)`.as('p95_response_time_ms'))
    .select(sql<number>`sum(error_count)`.as('error_count'))
    .select(sql<number>`sum(request_count)`.as('request_count'))
    .select(sql<number | null>`avg(resource_usage_mb)`.as('avg_resource_usage_mb'))
    .select(sql<number | null>`max(resource_usage_mb)`.as('max_resource_usage_mb'))
    .groupBy(['platform_name', 'hour']);
};

/** The columns that `aggregateByHour` gives, in its order. */
export const HOURLY_COLUMNS = [
  'platform_name',
  'hour',
  'checks',
  'unhealthy_checks',
  'avg_response_time_ms',
  'max_response_time_ms',
  'p95_response_time_ms',
  'error_count',
  'request_count',
  'avg_resource_usage_mb',
  'max_resource_usage_mb',
] as const satisfies readonly (keyof Tables['integration_metrics_hourly'])[];

/** Beginning of the newest hour that is rolled up, in epoch milliseconds. */
export const lastRolledUpHour = async (db: Kysely<Tables>): Promise<number | undefined> => {
  const row = await db.selectFrom('integration_metrics_hourly').select('hour').orderBy('hour', 'desc').limit(1).executeTakeFirst();
  return row && Number(row.hour);
};
