import { z } from 'zod';
import { BreakerState } from './breaker';
import { ProcessState, StartupPhase } from './control-notice';
import { InstanceHealth, LifecycleState } from './platform-state';

/** Jobs of one queue by state; the age in milliseconds of the one that waits longest. */
export const QueueView = z.object({ waiting: z.int(), active: z.int(), delayed: z.int(), oldestAgeMs: z.number() });
export type QueueView = z.output<typeof QueueView>;

/** One platform as operators see it. */
export const PlatformView = z.object({
  name: z.string(),
  state: LifecycleState,
  reason: z.string(),
  since: z.number(),
  enabled: z.boolean(),
  pinned: z.boolean(),
  wished: z.object({ instances: z.int(), concurrency: z.int().optional().describe('absent: as the platform is defined'), poolSize: z.int().optional().describe('sandboxed processes of its plugin in each host; absent: as the work needs') }),
  instances: z.array(InstanceHealth),
  breaker: z.object({ position: z.enum(['closed', 'half-open', 'open']), forced: z.enum(['open', 'closed']).optional(), routers: z.array(BreakerState) }),
  queue: QueueView,
});
export type PlatformView = z.output<typeof PlatformView>;

const Component = z.object({ name: z.string(), state: z.enum(['up', 'degraded', 'down']), reason: z.string() });

/** `GET /v1/status`: the whole system at a glance. */
export const SystemStatus = z.object({
  status: z.enum(['ok', 'degraded', 'starting']),
  phase: StartupPhase,
  version: z.string(),
  startedAt: z.number(),
  uptimeMs: z.number(),
  components: z.array(Component),
  processes: z.array(ProcessState),
  resources: z.object({
    memory: z.object({ totalMb: z.number(), freeMb: z.number(), usedPercent: z.number(), platformsMb: z.number().describe('resident memory of the processes that run platforms') }),
    cpu: z.object({ cores: z.int(), load1: z.number() }),
  }),
  platforms: z.array(z.object({ name: z.string(), state: LifecycleState, reason: z.string() })),
  totals: z.object({
    answered: z.number(),
    failedAttempts: z.number(),
    waiting: z.number().describe('messages waiting for a platform or for a time'),
    active: z.number(),
    deadLetters: z.number(),
  }),
});
export type SystemStatus = z.output<typeof SystemStatus>;
