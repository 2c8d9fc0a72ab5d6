import { isDeepStrictEqual } from 'node:util';
import { PluginHealth, type Request } from '@conductor/contracts';
import { createLogger } from '@conductor/observability';
import { DeliveryFailure } from './delivery-failure';
import { MemoryPlatformStorage } from './memory-storage';
import { OpenHandles } from './open-handles';
import type { PlatformContext, PlatformDefinition } from './platform-plugin';

export interface ContractBreach {
  rule: string;
  found: string;
}

/** A hook may take this long in the contract test. */
const HOOK_MS = 5_000;
/** Tries of 25 ms: connections that `fetch` keeps alive close by themselves, after 4 s. */
const LET_GO_TRIES = 180;

/**
 * Runs a platform through everything the Conductor will ask of it and lists what it does wrong; an empty list means that it
 * keeps the contract. The far side must be reachable, or be a double.
 * @param message a message the platform can carry out
 */
export const checkPlatformContract = async <C>(definition: PlatformDefinition<C>, message: Partial<Request> = {}): Promise<ContractBreach[]> => {
  const breaches: ContractBreach[] = [];
  const handles = new OpenHandles();
  const holds = async (rule: string, check: () => Promise<string | undefined>) => {
    const found = await timed(() => handles.watch(check)).catch((error: unknown) => `it threw ${error instanceof Error ? error.message : String(error)}`);
    if (found !== undefined) breaches.push({ rule, found });
  };
  const request = {
    id: 'contract-1', source: 'contract', kind: 'message', content: 'hello', deadlineMs: 5_000, waitFor: 'answer' as const, receivedAt: Date.now(), trace: 'contract', attempt: 1, ...message,
  };

  await holds('the name is lower case letters, digits and dashes', async () => (/^[a-z][a-z0-9-]*$/.test(definition.name) ? undefined : definition.name));
  for (const round of ['first', 'second']) {
    const plugin = await definition.create();
    // Made out here: what our own logger opens is not the platform's.
    const context = contextFor(definition.name);
    await holds(`initialize() ends (${round} instance)`, async () => void (await plugin.initialize(definition.config, context)));
    await holds('healthCheck() answers with a health that has a known status', async () => {
      const health = PluginHealth.safeParse(await plugin.healthCheck(AbortSignal.timeout(HOOK_MS)));
      return health.success ? undefined : health.error.message;
    });
    await holds('healthCheck() answers within 200 ms', async () => {
      const started = performance.now();
      await plugin.healthCheck(AbortSignal.timeout(HOOK_MS));
      const ms = performance.now() - started;
      return ms > 200 ? `${Math.round(ms)} ms` : undefined;
    });
    await holds('handleRequest() answers with an object that survives JSON', async () => {
      const answer: unknown = await plugin.handleRequest(request, AbortSignal.timeout(HOOK_MS));
      if (answer === null || typeof answer !== 'object' || Array.isArray(answer)) return `it answered ${JSON.stringify(answer)}`;
      return isDeepStrictEqual(JSON.parse(JSON.stringify(answer)), answer) ? undefined : 'the answer changes on its way through JSON';
    });
    await holds('handleRequest() ends when its signal aborts', async () => {
      const aborted = AbortSignal.abort(new Error('stop'));
      await plugin.handleRequest({ ...request, id: `contract-aborted-${round}` }, aborted).catch((error: unknown) => error);
      return undefined;
    });
    await holds('what handleRequest() throws says what happens next', async () => {
      const error: unknown = await plugin.handleRequest({ ...request, id: `contract-empty-${round}`, content: {} }, AbortSignal.timeout(HOOK_MS)).then(() => undefined, (thrown: unknown) => thrown);
      return error === undefined || error instanceof DeliveryFailure ? undefined : `it threw ${String(error)} instead of a DeliveryFailure`;
    });
    await holds('shutdown() ends, also when called twice', async () => {
      await plugin.shutdown();
      await plugin.shutdown();
      return undefined;
    });
  }
  const left = await leftOpen(handles);
  handles.close();
  if (left.length > 0) breaches.push({ rule: 'nothing is left open after shutdown()', found: left.join('; ') });
  return breaches;
};

const contextFor = (platform: string): PlatformContext => ({
  platform,
  instance: `${platform}-contract`,
  logger: createLogger({ app: 'contract', level: 'silent' }),
  storage: new MemoryPlatformStorage(),
  metrics: { count: () => {}, observe: () => {} },
  emit: async ({ id = 'emitted' }) => ({ id }),
});

const leftOpen = async (handles: OpenHandles): Promise<string[]> => {
  for (let tries = 0; tries < LET_GO_TRIES && handles.list().length > 0; tries++) await new Promise((resolve) => setTimeout(resolve, 25));
  return handles.list();
};

const timed = async <T>(work: () => Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([
      work(),
      new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`nothing for ${HOOK_MS} ms`)), HOOK_MS);
      }),
    ]);
  } finally {
    clearTimeout(timer);
  }
};
