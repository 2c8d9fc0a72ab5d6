import { type AppName, type Config, findApps, loadConfig } from '@conductor/config';
import { createLogger } from '@conductor/observability';
import { Shell } from './shell';

/**
 * A whole `main.ts` of an app that runs platforms. Looks first whether any of them is wanted: if not, the process stays a thin shell
 * that has loaded none of them, and loads the app when one is wanted. A process that ran them ends when none is wanted any more, and
 * comes back through here, started by whoever supervises it (the launcher, a container engine that restarts on every end).
 *
 * A parent gets `{ type: 'listening', app, url, suspended }` from the shell, and what `runApp` tells it from the app.
 * @param load imports the app, which then runs by itself
 * @param platforms names of all that the app runs; what its app.json says, but in tests
 */
export const runPlatformApp = async (app: AppName, load: () => Promise<unknown>, platforms?: readonly string[]): Promise<void> => {
  const supervised = process.connected;
  const config = usableConfig();
  const names = platforms ?? (config && findApps().find(({ name }) => name === app)?.platforms);
  // The app itself says best what is wrong with the configuration, or that it is not described.
  if (config && names) await untilWanted(app, names, config);
  await load();
  // The app hears of its parent's end only from now on.
  if (supervised && !process.connected) process.kill(process.pid, 'SIGTERM');
};

const untilWanted = async (app: AppName, platforms: readonly string[], config: Config & { redisUrl: string }): Promise<void> => {
  const logger = createLogger({ app, level: config.logLevel, format: config.logFormat });
  const shell = new Shell(app, platforms, config, logger);
  const supervision = endWith(async (reason) => {
    logger.info({ reason }, 'the shell ends');
    await shell.close();
    process.exit(0);
  });
  try {
    // Not known: what is loaded waits for Redis, and ends again should it find itself unwanted.
    if ((await shell.look()) !== 'unwanted') return;
    await shell.standIn((url, reason) => process.send?.({ type: 'listening', app, url, suspended: reason }));
    logger.info('a platform is wanted: loading');
    process.send?.({ type: 'waking', app });
  } catch (error) {
    logger.fatal({ err: error }, 'the shell could not start');
    process.exit(1);
  } finally {
    supervision.release();
    await shell.close();
  }
};

/** Told to end in the ways that every app knows. */
const endWith = (end: (reason: string) => Promise<void>) => {
  const term = () => void end('SIGTERM');
  const int = () => void end('SIGINT');
  const orphaned = () => void end('the parent process is gone');
  const told = (message: { type?: unknown; reason?: unknown } | null) => {
    if (message?.type === 'alive?') process.send?.({ type: 'alive' });
    if (message?.type === 'leave') void end(String(message.reason));
  };
  process.on('SIGTERM', term).on('SIGINT', int).on('disconnect', orphaned).on('message', told);
  return { release: () => void process.off('SIGTERM', term).off('SIGINT', int).off('disconnect', orphaned).off('message', told) };
};

const usableConfig = (): (Config & { redisUrl: string }) | undefined => {
  try {
    const config = loadConfig();
    return config.redisUrl === undefined ? undefined : { ...config, redisUrl: config.redisUrl };
  } catch {
    return undefined;
  }
};
