export { Database, openDatabase, type DatabaseHealth } from './database';
export { type DatabaseKind, type DatabaseOptions } from './database-options';
export { DatabaseUnavailable } from './database-errors';
export { PersistenceModule, type PersistenceOptions } from './persistence.module';
export { MetricsWriter, type MetricRow } from './metrics-writer';
export { MetricsHistory, type History, type HistoryQuery, type HourPoint, type MetricsHistoryOptions } from './metrics-history';
export { MetricsRetention, type Pruned, type RetentionOptions } from './metrics-retention';
export { HEALTHY_STATES } from './hourly-aggregate';
export { AuditLog, type AuditItem, type AuditPage, type AuditQuery, type AuditRecord, type AuditVerdict } from './audit-log';
export { redact } from './redact';
export {
  TransitionLog,
  type BreakerTransitionQuery,
  type BreakerTransitionRow,
  type PlatformTransitionRow,
  type StartupStepQuery,
  type StartupStepRow,
  type TransitionQuery,
} from './transition-log';
export { PluginLog, type PluginLogQuery } from './plugin-log';
export { ScalingLog, type DecisionPage, type DecisionQuery } from './scaling-log';
export { ScalingHistory, type RollupPoint, type RollupRow } from './scaling-history';
export { type BatchWriterEvent, type BatchWriterOptions, type BatchWriterStats } from './batch-writer';
export { AuditEntry, BreakerTransition, IntegrationMetric, IntegrationMetricHourly, PlatformTransition, StartupStep } from './entities';
