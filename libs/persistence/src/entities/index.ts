import type { InferKyselyDB } from '@mikro-orm/sql';
import { AuditEntry } from './audit-entry.entity';
import { BreakerTransition } from './breaker-transition.entity';
import { IntegrationMetricHourly } from './integration-metric-hourly.entity';
import { IntegrationMetric } from './integration-metric.entity';
import { PlatformTransition } from './platform-transition.entity';
import { StartupStep } from './startup-step.entity';

export { AuditEntry, BreakerTransition, IntegrationMetric, IntegrationMetricHourly, PlatformTransition, StartupStep };

export const entities = [IntegrationMetric, IntegrationMetricHourly, AuditEntry, PlatformTransition, BreakerTransition, StartupStep];

/** The tables as Kysely sees them, derived from the entities. */
export type Tables = InferKyselyDB<(typeof entities)[number]>;
