import { z } from 'zod';
import { PlatformName } from './names';

export const LifecycleState = z.enum([
  'registered', 'starting', 'ready', 'degraded', 'failed', 'recovering', 'suspended', 'disabled', 'needs-attention',
]);
export type LifecycleState = z.output<typeof LifecycleState>;

/** What people and the scaler want of a platform. Kept in Redis, versioned. */
export const DesiredState = z.object({
  platform: PlatformName,
  enabled: z.boolean().default(true),
  pinned: z.boolean().default(false).describe('never shed by the scaler'),
  suspended: z.object({ reason: z.string(), since: z.number() }).optional(),
  /** Grows when the platform is to be started anew. */
  restarts: z.int().default(0),
  forcedBreaker: z.enum(['open', 'closed']).optional(),
  reason: z.string().optional(),
  version: z.int(),
  at: z.number(),
});
export type DesiredState = z.output<typeof DesiredState>;

/** What an instance says of itself, kept with a time to live: silence is a state of its own. */
export const Presence = z.object({
  platform: PlatformName,
  instance: z.string(),
  pid: z.int(),
  host: z.string(),
  app: z.string(),
  url: z.string().optional(),
  startedAt: z.number(),
  at: z.number(),
  lifecycle: LifecycleState,
  reason: z.string().optional(),
  concurrency: z.int(),
  inFlight: z.int(),
  rssMb: z.number(),
});
export type Presence = z.output<typeof Presence>;

export const InstanceVerdict = z.enum(['starting', 'healthy', 'degraded', 'failing', 'failed', 'silent', 'idle']);
export type InstanceVerdict = z.output<typeof InstanceVerdict>;

/** One instance as the health monitor judges it. */
export const InstanceHealth = z.object({
  id: z.string(),
  verdict: InstanceVerdict,
  reason: z.string().optional(),
  pid: z.int(),
  rssMb: z.number(),
  lastCheckAt: z.number(),
  responseTimeMs: z.number(),
  consecutiveFailures: z.int(),
  inFlight: z.int(),
});
export type InstanceHealth = z.output<typeof InstanceHealth>;

/** One platform as the health monitor judges it: the verdict that routers act on. */
export const PlatformState = z.object({
  name: PlatformName,
  state: LifecycleState,
  reason: z.string().describe('for a person: why, and what to do'),
  since: z.number(),
  version: z.int().describe('grows with every change'),
  at: z.number(),
  instances: z.array(InstanceHealth),
});
export type PlatformState = z.output<typeof PlatformState>;

/** Whether a message may be sent there now. */
export const isAvailable = (state: LifecycleState): boolean =>
  ['registered', 'starting', 'ready', 'degraded', 'recovering'].includes(state);
