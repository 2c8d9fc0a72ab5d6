import type { DesiredState, LifecycleState } from '@conductor/contracts';

export const isServing = (state: LifecycleState): boolean => state === 'ready' || state === 'degraded';

export const isIdle = (state: LifecycleState): boolean => state === 'disabled' || state === 'suspended';

/** What an instance becomes that is not wanted. */
export const unwantedAs = (desired: DesiredState | undefined): 'disabled' | 'suspended' | undefined => {
  if (desired && !desired.enabled) return 'disabled';
  return desired?.suspended ? 'suspended' : undefined;
};
