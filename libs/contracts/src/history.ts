import { z } from 'zod';
import { ScalingDecision } from './scaling';

/** JSON has no NaN and no Infinity: they arrive as null. */
const count = z.number().nullable().transform((value) => value ?? 0);

/** One health check of one instance. */
export const MetricRow = z.object({
  timestamp: z.number().describe('epoch ms of the check'),
  platformName: z.string(),
  instanceId: z.string(),
  state: z.string().describe('the verdict, e.g. `healthy`'),
  responseTimeMs: z.number().nullable().describe('null when no answer came'),
  errorCount: count.describe('since the check before'),
  requestCount: count.describe('since the check before'),
  resourceUsageMb: z.number().nullable().describe('resident memory; null when it is not known'),
});
export type MetricRow = z.output<typeof MetricRow>;

/** A platform changed its state. */
export const PlatformTransitionRow = z.object({ at: z.number(), platform: z.string(), from: z.string(), to: z.string(), reason: z.string() });
export type PlatformTransitionRow = z.output<typeof PlatformTransitionRow>;

/** A circuit breaker of one router changed its position. */
export const BreakerTransitionRow = z.object({ at: z.number(), platform: z.string(), operation: z.string(), router: z.string(), from: z.string(), to: z.string(), reason: z.string() });
export type BreakerTransitionRow = z.output<typeof BreakerTransitionRow>;

/** A step of a start-up ended; `ms` is how long it took, `boot` is shared by all steps of one start. */
export const StartupStepRow = z.object({ at: z.number(), boot: z.string(), phase: z.string(), platform: z.string().optional(), result: z.string(), ms: z.number(), detail: z.string().optional() });
export type StartupStepRow = z.output<typeof StartupStepRow>;

/** Lengths of the stretches of `ScalingRollupRow`: fine ones are kept as long as single checks, coarse ones as long as hours. */
export const ROLLUP_MS = { fine: 300_000, coarse: 3_600_000 } as const;

/** What one scaler saw of one series within one stretch of time. Times in (epoch) milliseconds. */
export const ScalingRollupRow = z.object({
  bucketMs: z.number(),
  series: z.string(),
  at: z.number(),
  writer: z.string().describe('two scalers may share a stretch when one takes over from the other'),
  samples: z.number(),
  mean: z.number(),
  max: z.number(),
});
export type ScalingRollupRow = z.output<typeof ScalingRollupRow>;

/** Made by whoever sends the row: the same row again is stored once. */
const id = z.string().max(36);

/** A row of history on its way to the database. */
export const HistoryRow = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('metric'), id, row: MetricRow }),
  z.object({ kind: z.literal('platform-transition'), id, row: PlatformTransitionRow }),
  z.object({ kind: z.literal('breaker-transition'), id, row: BreakerTransitionRow }),
  z.object({ kind: z.literal('startup-step'), id, row: StartupStepRow }),
  /** Known by the decision's own id; with a measured effect it adds that to the one that is there. */
  z.object({ kind: z.literal('scaling-decision'), id, row: ScalingDecision }),
  /** Known by length, series, beginning and writer. */
  z.object({ kind: z.literal('scaling-rollup'), id, row: ScalingRollupRow }),
]);
export type HistoryRow = z.output<typeof HistoryRow>;

export type HistoryKind = HistoryRow['kind'];
export type HistoryRowOf<K extends HistoryKind> = Extract<HistoryRow, { kind: K }>['row'];
