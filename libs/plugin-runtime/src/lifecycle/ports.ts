import type { LifecycleState, PluginEvent, SwapStep } from '@conductor/contracts';
import type { PlatformDefinition } from '@conductor/platform-kit';

/** Who runs platforms: consumes their queues, answers their checks, starts them when the conductor lets it. */
export interface PlatformRunner {
  add(definition: PlatformDefinition): Promise<unknown>;
  /** Finishes what it has in hand, lets it go. */
  remove(name: string): Promise<void>;
  /** New limits of a platform that goes on. */
  redefine(definition: PlatformDefinition): void;
  stateOf(name: string): { lifecycle: LifecycleState; reason: string } | undefined;
}

/**
 * Tells everybody whether a platform is to be counted on. One whose plugin is not in use is switched off rather than missing: its messages
 * are refused or wait with that reason, and nobody is alarmed.
 */
export interface PlatformSwitch {
  /** Takes back what `off` did; what a person switched off stays off. */
  on(platform: string): Promise<void>;
  off(platform: string): Promise<void>;
}

/** Announces how far a swap is, to whoever looks on. Never throws, never waits. */
export type TellStep = (plugin: string, to: string, step: SwapStep, state: 'began' | 'done' | 'failed') => void;

/** Takes down what became of a plugin. Never throws, never waits. */
export type TellEvent = (event: Omit<PluginEvent, 'id' | 'at' | 'host'>) => void;
