import type { Config } from '@conductor/config';
import type { AppContext, Leaving } from '@conductor/http';
import { type PlatformDefinition, PlatformHost } from '@conductor/platform-kit';
import { openTestContext } from './context';
import { forget, testConfig } from './redis';
import { RouterDouble } from './router-double';

export interface PlatformStage {
  readonly config: Config;
  readonly router: RouterDouble;
  readonly context: AppContext;
  readonly host: PlatformHost;
  /** Drains the platforms as their process would; the router double stays. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Platforms in this process on the tests' Redis, with a router double beside them.
 * @param options.redisUrl another way to the same Redis, for the platforms alone
 */
export const openPlatforms = async (
  definitions: PlatformDefinition[],
  options: { env?: Readonly<Record<string, string>>; permits?: boolean; conductor?: boolean; leaving?: Leaving; redisUrl?: string } = {},
): Promise<PlatformStage> => {
  const config = testConfig(options.env);
  const router = await RouterDouble.open(config, options);
  const context: AppContext = { ...(await openTestContext('stubs', { ...config, ...(options.redisUrl && { redisUrl: options.redisUrl }) })), ...(options.leaving && { leaving: options.leaving }) };
  const host = await PlatformHost.open(context, definitions);
  const drain = () => context.resources.drain();
  const close = async () => {
    await drain();
    await router.close();
    await forget(config);
  };
  return { config, router, context, host, drain, close };
};
