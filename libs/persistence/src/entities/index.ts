import type { InferKyselyDB } from '@mikro-orm/sql';
import { AuditEntry } from './audit-entry.entity';
import { BreakerTransition } from './breaker-transition.entity';
import { IntegrationMetricHourly } from './integration-metric-hourly.entity';
import { IntegrationMetric } from './integration-metric.entity';
import { PlatformTransition } from './platform-transition.entity';
import { PluginGeneration } from './plugin-generation.entity';
import { ScalingDecisionEntry } from './scaling-decision.entity';
import { ScalingRollup } from './scaling-rollup.entity';
import { StartupStep } from './startup-step.entity';

export { AuditEntry, BreakerTransition, IntegrationMetric, IntegrationMetricHourly, PlatformTransition, PluginGeneration, ScalingDecisionEntry, ScalingRollup, StartupStep };

export const entities = [IntegrationMetric, IntegrationMetricHourly, AuditEntry, PlatformTransition, BreakerTransition, StartupStep, ScalingDecisionEntry, ScalingRollup, PluginGeneration];

/** The tables as Kysely sees them, derived from the entities. */
export type Tables = InferKyselyDB<(typeof entities)[number]>;
