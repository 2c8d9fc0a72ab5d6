import { defineEntity, p, type InferEntity } from '@mikro-orm/core';

/** One health check of one instance. Source: the health monitor, every 5 s. Kept 7 days. */
export const IntegrationMetric = defineEntity({
  name: 'IntegrationMetric',
  tableName: 'integration_metrics',
  properties: {
    id: p.string().primary().length(36),
    /** Epoch milliseconds of the check. */
    timestamp: p.bigint('number'),
    platformName: p.text(),
    instanceId: p.text(),
    /** The verdict of this check, e.g. `healthy`, `degraded`, `silent`. */
    state: p.text(),
    /** Null when no answer came. */
    responseTimeMs: p.integer().nullable(),
    /** Since the check before. */
    errorCount: p.integer(),
    /** Since the check before. */
    requestCount: p.integer(),
    /** Resident memory; null when it is not known. */
    resourceUsageMb: p.double().$type<number>().nullable(),
  },
  indexes: [{ properties: ['platformName', 'timestamp'] }, { properties: ['timestamp'] }],
});
export type IntegrationMetric = InferEntity<typeof IntegrationMetric>;
