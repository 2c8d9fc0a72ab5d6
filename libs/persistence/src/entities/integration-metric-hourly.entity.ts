import { defineEntity, p, type InferEntity } from '@mikro-orm/core';

/** One hour of one platform, over all of its instances. Source: the roll-up. Kept 90 days. */
export const IntegrationMetricHourly = defineEntity({
  name: 'IntegrationMetricHourly',
  tableName: 'integration_metrics_hourly',
  properties: {
    platformName: p.text().primary(),
    /** Epoch milliseconds at which the hour begins (UTC). */
    hour: p.bigint('number').primary(),
    checks: p.integer(),
    unhealthyChecks: p.integer(),
    avgResponseTimeMs: p.double().$type<number>().nullable(),
    maxResponseTimeMs: p.integer().nullable(),
    /** Nearest rank: the smallest time that at least 95 % of the answered checks did not exceed. */
    p95ResponseTimeMs: p.integer().nullable().fieldName('p95_response_time_ms'),
    errorCount: p.bigint('number'),
    requestCount: p.bigint('number'),
    avgResourceUsageMb: p.double().$type<number>().nullable(),
    maxResourceUsageMb: p.double().$type<number>().nullable(),
  },
  indexes: [{ properties: ['hour'] }],
});
export type IntegrationMetricHourly = InferEntity<typeof IntegrationMetricHourly>;
