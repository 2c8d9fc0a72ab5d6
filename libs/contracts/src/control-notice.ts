import { z } from 'zod';
import { BreakerState } from './breaker';
import { RedriveTask } from './dead-letter';
import { DesiredState, PlatformState } from './platform-state';
import { PluginEvent } from './plugin-commands';
import { SwapStep } from './plugin-views';
import { PluginWish } from './plugin-wish';
import { QuotaRefusal } from './quota';
import { RouteRule } from './route';
import { ScalingDecision, ScalingPolicyView } from './scaling';

/** The steps of the start-up sequence, in order. */
export const StartupPhase = z.enum(['configuration', 'database', 'health', 'platforms', 'open']);
export type StartupPhase = z.output<typeof StartupPhase>;

export const ProcessState = z.object({
  app: z.string(),
  /** `suspended`: a thin shell without its platforms, since none of them is wanted. `draining`: ends when its work is done. `not-ready`: it runs, and says that it cannot work before somebody mends something. */
  state: z.enum(['starting', 'ready', 'not-ready', 'suspended', 'draining', 'backing-off', 'quarantined', 'stopped']),
  pid: z.int().optional(),
  url: z.string().optional(),
  restarts: z.int(),
  reason: z.string(),
  at: z.number(),
});
export type ProcessState = z.output<typeof ProcessState>;

/** What is announced on the notices channel. A lost notice heals: whatever it says can also be read from Redis. */
export const ControlNotice = z.discriminatedUnion('type', [
  z.object({ type: z.literal('desired'), desired: DesiredState }),
  z.object({ type: z.literal('verdict'), platform: PlatformState }),
  z.object({ type: z.literal('breaker'), breaker: BreakerState }),
  z.object({ type: z.literal('routes'), rules: z.array(RouteRule), version: z.int() }),
  z.object({ type: z.literal('phase'), phase: StartupPhase, at: z.number() }),
  /** The conductor lets an instance initialize its platform. */
  z.object({ type: z.literal('start-permit'), platform: z.string(), instance: z.string() }),
  /** An instance says that it starts, has changed its state, or leaves. */
  z.object({ type: z.literal('instance'), platform: z.string(), instance: z.string(), event: z.enum(['arrived', 'changed', 'left']), lifecycle: z.string(), reason: z.string().optional() }),
  z.object({ type: z.literal('process'), process: ProcessState }),
  /** An operator asks the launcher to start an app that is quarantined or to restart it. */
  z.object({ type: z.literal('process-start'), app: z.string() }),
  z.object({ type: z.literal('redrive'), task: RedriveTask }),
  /** A decision of the scaler; told again, under the same id, when its effect is measured. */
  z.object({ type: z.literal('scaling'), decision: ScalingDecision }),
  z.object({ type: z.literal('scaling-policy'), policy: ScalingPolicyView }),
  /** Something became of a plugin; it is in the history under the same id. */
  z.object({ type: z.literal('plugin'), event: PluginEvent }),
  /** How far a swap is. */
  z.object({ type: z.literal('plugin-step'), plugin: z.string(), to: z.string(), step: SwapStep, state: z.enum(['began', 'done', 'failed']), host: z.string() }),
  z.object({ type: z.literal('plugin-wish'), wish: PluginWish }),
  /** Messages are refused, since too many of their sender, or for their platform, wait; told at most once in ten seconds. */
  z.object({ type: z.literal('quota'), refusal: QuotaRefusal }),
  z.object({ type: z.literal('keys'), version: z.int() }),
]);
export type ControlNotice = z.output<typeof ControlNotice>;
