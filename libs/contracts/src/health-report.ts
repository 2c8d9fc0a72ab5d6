import { z } from 'zod';
import { Json } from './json';
import { LifecycleState } from './platform-state';

/** What a platform says when it is asked how it is. Source: the plugin itself. */
export const PluginHealth = z.object({
  status: z.enum(['ok', 'degraded', 'failed', 'needs-attention']),
  /** For a person: what is wrong and what to do. */
  reason: z.string().optional(),
  /** Details worth showing, e.g. gateway latency. */
  details: z.record(z.string(), Json).optional(),
});
export type PluginHealth = z.output<typeof PluginHealth>;

/** Health monitor → every instance: how are you? Answered outside of the work queue. */
export const HealthCheck = z.object({ check: z.string(), inbox: z.string(), at: z.number(), timeoutMs: z.number() });
export type HealthCheck = z.output<typeof HealthCheck>;

/** An instance's answer to one check. Counters are totals since the instance started. */
export const HealthReport = z.object({
  check: z.string(),
  platform: z.string(),
  instance: z.string(),
  pid: z.int(),
  lifecycle: LifecycleState,
  health: PluginHealth,
  requests: z.int(),
  errors: z.int(),
  abandoned: z.int().describe('handlers that ignored their signal'),
  inFlight: z.int(),
  limit: z.number().optional().describe('messages in hand at once just now'),
  rssMb: z.number(),
});
export type HealthReport = z.output<typeof HealthReport>;
