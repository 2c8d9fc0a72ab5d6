import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { PlatformRequest } from '@conductor/platform-kit';
import type { Generation } from '../sandbox/generation';
import type { SandboxedPlatform } from '../sandbox/sandboxed-platform';
import { weightOf } from './running-platform';
import type { LifecycleSettings } from './settings';
import { reasonOf, SwapFailed } from './swap-failed';

/** Has its process. @throws SwapFailed at `start` */
export const startUp = async (generation: Generation): Promise<void> => {
  try {
    await generation.load();
  } catch (error) {
    throw new SwapFailed('start', `${generation.spec.plugin} ${generation.spec.version} does not start: ${reasonOf(error)}`, error);
  }
};

/**
 * So many good checks in a row. A platform whose far side is in trouble may be no worse than the one that serves.
 * @throws SwapFailed at `health`
 */
export const passChecks = async (generation: Generation, serving: Generation | undefined, { checks, checkPauseMs, checkTimeoutMs }: LifecycleSettings): Promise<void> => {
  for (let good = 0; good < checks; good++) {
    if (good > 0) await pause(checkPauseMs);
    const health = await generation.check(AbortSignal.timeout(checkTimeoutMs));
    if (health.status === 'ok') continue;
    const before = health.status === 'degraded' ? await serving?.check(AbortSignal.timeout(checkTimeoutMs)) : undefined;
    if (before?.status === 'degraded') continue;
    throw new SwapFailed('health', `${generation.spec.plugin} ${generation.spec.version} says at check ${good + 1} of ${checks} that it is ${health.status}: ${health.reason ?? 'without a reason'}`);
  }
};

/**
 * One message of kind `canary`, before any other. Answering it is fine, and so is refusing it: the platform is there. Any other
 * failure is not.
 * @throws SwapFailed at `canary`
 */
export const passCanary = async (platform: SandboxedPlatform, generation: Generation): Promise<void> => {
  const { settings } = generation.spec;
  try {
    await platform.canary(generation, canaryOf(settings.requestTimeoutMs), AbortSignal.timeout(settings.requestTimeoutMs));
  } catch (error) {
    if (weightOf(error) === 'answer') return;
    throw new SwapFailed('canary', `${generation.spec.plugin} ${generation.spec.version} failed its canary request on ${generation.spec.platform}: ${reasonOf(error)}`, error);
  }
};

const canaryOf = (deadlineMs: number): PlatformRequest => {
  const id = `canary-${randomUUID()}`;
  return { id, source: 'conductor', kind: 'canary', content: { canary: true, text: 'canary' }, deadlineMs, waitFor: 'answer', receivedAt: Date.now(), trace: id, attempt: 1 };
};
