import { z } from 'zod';
import { PlatformName } from './names';

export const LifecycleState = z.enum([
  'registered', 'starting', 'ready', 'degraded', 'failed', 'recovering', 'suspended', 'disabled', 'needs-attention',
]);
export type LifecycleState = z.output<typeof LifecycleState>;

/** Processes of one platform that may be wanted. */
export const MOST_INSTANCES = 8;
export const MOST_CONCURRENCY = 1_000;
/** Sandboxed processes of a plugin's platform in one plugin-host. */
export const MOST_POOL_SIZE = 16;

/** What people and the scaler want of a platform. Kept in Redis, versioned. */
export const DesiredState = z.object({
  platform: PlatformName,
  enabled: z.boolean().default(true),
  pinned: z.boolean().default(false).describe('never shed by the scaler'),
  /** `decision` names the scaler's row, `freedMb` what it gave back as measured, `returnsWhen` what it waits for. */
  suspended: z.object({ reason: z.string(), since: z.number(), by: z.string().optional(), decision: z.string().optional(), freedMb: z.number().optional(), returnsWhen: z.string().optional() }).optional(),
  /** Grows when the platform is to be started anew. */
  restarts: z.int().default(0),
  /** Processes that run it, where a launcher or a container engine can start more; absent: one. */
  instances: z.int().min(1).max(MOST_INSTANCES).optional(),
  /** Messages an instance has in hand at once, within what its definition allows; absent: as the definition says. */
  concurrency: z.int().min(1).max(MOST_CONCURRENCY).optional(),
  /** Sandboxed processes of a plugin that each of its hosts runs while there is work, within what its manifest allows; absent: as the work needs. */
  poolSize: z.int().min(1).max(MOST_POOL_SIZE).optional(),
  forcedBreaker: z.enum(['open', 'closed']).optional(),
  reason: z.string().optional(),
  version: z.int(),
  at: z.number(),
});
export type DesiredState = z.output<typeof DesiredState>;

/** The processes of its own that a platform runs in, where it has some: a plugin's, behind walls. */
export const ProcessPoolView = z.object({
  running: z.int().describe('processes that take messages just now; none while there is no work'),
  most: z.int().describe('as its manifest allows'),
  idlestInFlight: z.int().optional().describe('what the one with the least to do has in hand'),
  rssMb: z.number().describe('resident memory of all of them'),
});
export type ProcessPoolView = z.output<typeof ProcessPoolView>;

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
  draining: z.literal(true).optional().describe('it takes no more work and finishes what it has in hand, since it is not wanted'),
  concurrency: z.int().describe('messages in hand at once, as its definition says'),
  maxConcurrency: z.int().optional().describe('the most that may be wished for'),
  limit: z.number().optional().describe('messages in hand at once just now: what is wished for, less what its latency forbids'),
  /** Where its definition bounds the number of its processes. */
  atMost: z.object({ instances: z.int(), because: z.string() }).optional(),
  pool: ProcessPoolView.optional(),
  inFlight: z.int(),
  rssMb: z.number(),
  settledAt: z.number().optional().describe('since when its memory has not moved by more than 2 MB (epoch ms)'),
  /** Totals since the instance started. */
  requests: z.int().optional(),
  errors: z.int().optional(),
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
