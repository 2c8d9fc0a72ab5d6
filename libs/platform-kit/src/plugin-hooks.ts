import { PluginHealth } from '@conductor/contracts';
import type { PlatformContext, PlatformDefinition, PlatformPlugin } from './platform-plugin';
import { SetupFailure } from './setup-failure';

/** Longest time a platform gets to let go: less than the drain of the whole process. */
const SHUTDOWN_MS = 5_000;

/*
 * Calls of a platform's hooks. Whatever a hook does (throw before its first await, hang, answer nonsense), the call ends in
 * time and in one of the ways its caller knows.
 */

/** Makes a platform, loading it first where it is loaded late. @throws SetupFailure, or whatever `create` throws */
export const load = ({ create }: PlatformDefinition, giveUpMs: number, leaving: AbortSignal): Promise<PlatformPlugin> =>
  within(giveUpMs, async () => create(), `its create() did not end within ${giveUpMs} ms`, leaving);

/**
 * Initializes a platform and asks it for the first time how it is.
 * @param leaving aborts when the process goes: nobody waits for a slow start then
 * @throws SetupFailure, or whatever `initialize` throws
 */
export const startUp = async (plugin: PlatformPlugin, { config }: PlatformDefinition, context: PlatformContext, giveUpMs: number, leaving: AbortSignal): Promise<PluginHealth> => {
  await within(giveUpMs, async () => plugin.initialize(config, context), `its initialize() did not end within ${giveUpMs} ms`, leaving);
  const health = await askHealth(plugin, giveUpMs, leaving);
  if (health.status === 'needs-attention') throw SetupFailure.needsAttention(health.reason ?? 'it needs attention');
  if (health.status === 'failed') throw SetupFailure.transient(health.reason ?? 'its first health check failed');
  return health;
};

/** A check that throws, hangs or answers nonsense is an answer too. */
export const askHealth = async (plugin: PlatformPlugin, timeoutMs: number, leaving?: AbortSignal): Promise<PluginHealth> => {
  // Timers of the platform take whole milliseconds only.
  const ms = Math.max(1, Math.ceil(timeoutMs));
  try {
    const answer: unknown = await within(ms, async () => plugin.healthCheck(AbortSignal.timeout(ms)), `its health check gave no answer within ${ms} ms`, leaving);
    const health = PluginHealth.safeParse(answer);
    return health.success ? health.data : { status: 'failed', reason: 'its health check answered with something that is no health' };
  } catch (error) {
    return { status: 'failed', reason: error instanceof Error ? error.message : String(error) };
  }
};

/** @throws when the platform does not shut down in time, or says that it cannot */
export const shutDown = (plugin: PlatformPlugin): Promise<void> => within(SHUTDOWN_MS, async () => plugin.shutdown(), `its shutdown() did not end within ${SHUTDOWN_MS} ms`);

const within = async <T>(ms: number, work: () => Promise<T>, otherwise: string, leaving?: AbortSignal): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  let left: (() => void) | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(SetupFailure.transient(otherwise)), ms);
    left = () => reject(SetupFailure.transient('the process is leaving'));
    leaving?.addEventListener('abort', left);
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
    leaving?.removeEventListener('abort', left!);
  }
};
