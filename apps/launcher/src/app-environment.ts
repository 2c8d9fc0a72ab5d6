import { join } from 'node:path';
import { type AppName, type Config, settingNamesOf } from '@conductor/config';

/** What any program on this machine may need to find its way. */
const OF_THE_SYSTEM = /^(PATH|HOME|USER|LOGNAME|SHELL|TMPDIR|TZ|LANG|LC_.+|NODE_ENV|NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR)|(HTTPS?|NO|ALL)_PROXY|https?_proxy|no_proxy|all_proxy|OTEL_.+|(npm|NPM)_(config|CONFIG)_(registry|REGISTRY|cache|CACHE|userconfig|USERCONFIG|cafile|CAFILE))$/;

/**
 * The environment of an app: the settings that it reads and what the system needs, nothing else. Secrets of other apps and
 * programs stay out, and so does NODE_OPTIONS, which `npm run` sets for the tests.
 */
export const appEnvironment = (app: AppName, own: NodeJS.ProcessEnv, config: Config, redisUrl: string): NodeJS.ProcessEnv => {
  const settings = settingNamesOf(app);
  return {
    ...Object.fromEntries(Object.entries(own).filter(([key]) => settings.has(key) || OF_THE_SYSTEM.test(key))),
    CONDUCTOR_HOME: config.home,
    REDIS_URL: redisUrl,
    // The launcher makes the lines readable, for all apps alike.
    LOG_FORMAT: 'json',
    // Compiled code of the last run: starts take half the time.
    NODE_COMPILE_CACHE: join(config.home, 'compile-cache'),
  };
};
