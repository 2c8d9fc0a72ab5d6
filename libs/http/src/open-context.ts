import { randomBytes } from 'node:crypto';
import { RedisConnections, Resources } from '@conductor/connections';
import { type AppName, type Config, ConfigurationError } from '@conductor/config';
import { Notices } from '@conductor/control';
import { createLogger, type Logger, Metrics } from '@conductor/observability';
import type { AppContext } from './app-context';
import { HttpEntry } from './http-entry';
import { SecurityEvents } from './security-events';

/** How long a starting app waits for Redis, which may be starting too. Later outages are survived. */
const REDIS_START_MS = 15_000;

/** @throws ConfigurationError without `REDIS_URL`, RedisUnavailable when it does not answer, the reason of `signal` when it is aborted before it does */
export const openContext = async (app: AppName, config: Config, given?: Logger, signal?: AbortSignal): Promise<AppContext> => {
  if (config.redisUrl === undefined) {
    throw new ConfigurationError(`The app "${app}" needs Redis: set REDIS_URL, e.g. redis://127.0.0.1:6379. (The launcher, "npm start", brings one along and sets it.)`);
  }
  const instance = `${app}-${randomBytes(4).toString('hex')}`;
  const logger = (given ?? createLogger({ app, level: config.logLevel, format: config.logFormat })).child({ instance });
  const resources = new Resources(logger);
  // First held, last let go: whatever comes after may still need them to finish its work.
  const connections = resources.hold('Redis connections', new RedisConnections(config.redisUrl, config.namespace, logger), (held) => held.close());
  const notices = resources.hold('notices', new Notices(connections, logger), (held) => held.close());
  try {
    await connections.untilReady(REDIS_START_MS, signal);
    await notices.open();
  } catch (error) {
    await resources.drain();
    throw error;
  }
  const metrics = new Metrics(app);
  const security = resources.hold('security events', new SecurityEvents(logger, metrics), (held) => held.sum());
  return { app, instance, config, logger, entry: new HttpEntry(config), security, metrics, connections, notices, resources, readiness: [], flow: [] };
};
