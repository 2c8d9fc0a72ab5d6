import { randomBytes } from 'node:crypto';
import { RedisConnections, Resources } from '@conductor/connections';
import type { AppName, Config } from '@conductor/config';
import { Notices } from '@conductor/control';
import { type AppContext, HttpEntry, SecurityEvents } from '@conductor/http';
import { createLogger, Metrics } from '@conductor/observability';
import { testConfig, testRedisUrl } from './redis';

/** What an app is made from, without the app: for tests of a library's classes. `resources.drain()` lets everything go. */
export const openTestContext = async (app: AppName, config: Config = testConfig()): Promise<AppContext> => {
  const logger = createLogger({ app, level: config.logLevel });
  const resources = new Resources(logger);
  const connections = resources.hold('Redis', new RedisConnections(config.redisUrl ?? testRedisUrl(), config.namespace, logger), (open) => open.close());
  await connections.untilReady();
  const notices = resources.hold('notices', new Notices(connections, logger), (open) => open.close());
  await notices.open();
  const instance = `${app}-${randomBytes(4).toString('hex')}`;
  const metrics = new Metrics(app);
  return { app, instance, config, logger, entry: new HttpEntry(config), security: new SecurityEvents(logger, metrics), metrics, connections, notices, resources, readiness: [], flow: [] };
};
