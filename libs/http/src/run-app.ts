import { RedisUnavailable } from '@conductor/connections';
import { type AppName, type Config, ConfigurationError, loadConfig, portOf, visibleText } from '@conductor/config';
import { createLogger } from '@conductor/observability';
import { collectGarbageAtRest } from '@conductor/platform-shell';
import { Leaving } from './leaving';
import { StartError } from './port-taken';
import { type AppOptions, type BuildApp, type RunningApp, startApp } from './start-app';

/** EX_CONFIG of sysexits.h: starting again changes nothing until a person mends the configuration. */
const EXIT_CONFIGURATION = 78;
const FORCED_EXIT_MS = 10_000;
/**
 * As it exits, Node joins the threads that compile. One of them that waits for this thread to collect garbage waits for ever then, and the
 * process never ends (nodejs/node#54918). After a moment without work none does.
 */
const REST_BEFORE_EXIT_MS = 50;

/**
 * A whole `main.ts`: runs the app until it is told to stop (SIGTERM, SIGINT, or the end of the parent that started it with an IPC channel),
 * drains it and exits: 0 when it was asked to, 1 after a failure, 78 when the configuration cannot be used. A parent gets
 * `{ type: 'listening', app, url }` once the door is open, and `{ type: 'leaving', app, reason }` before an end of the app's own choice; with
 * `{ type: 'leave', reason }` it asks for one, and with `{ type: 'alive?' }` for `{ type: 'alive' }`, which comes as long as the event loop turns.
 */
export const runApp = async (app: AppName, build: BuildApp, options: AppOptions = {}): Promise<void> => {
  const config = readConfig(app);
  const logger = createLogger({ app, level: config.logLevel, format: config.logFormat });
  let starting: Promise<RunningApp> | undefined;
  const unwanted = new AbortController();
  let ending = false;

  const end = async (reason: string, code: number): Promise<void> => {
    if (ending) return;
    ending = true;
    logger.info({ reason }, 'draining');
    setTimeout(() => {
      logger.fatal('the drain took too long; leaving at once');
      process.exit(1);
    }, FORCED_EXIT_MS).unref();
    // A start under way is broken off while it waits for Redis, else waited for; the forced exit bounds that too.
    unwanted.abort();
    const running = await starting?.catch(() => undefined);
    await running?.stop();
    logger.info('stopped');
    setTimeout(() => process.exit(code), REST_BEFORE_EXIT_MS);
  };
  const fail = (error: unknown) => {
    logger.fatal({ err: error }, 'an error that nobody handled');
    void end('a failure', 1);
  };
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  process.on('SIGTERM', () => void end('SIGTERM', 0));
  process.on('SIGINT', () => void end('SIGINT', 0));
  if (process.connected) process.on('disconnect', () => void end('the parent process is gone', 0));
  const leaving = new Leaving((reason) => {
    if (process.connected) process.send?.({ type: 'leaving', app, reason });
    void end(reason, 0);
  });
  process.on('message', (message: { type?: unknown; reason?: unknown } | null) => {
    if (message?.type === 'alive?') process.send?.({ type: 'alive' });
    if (message?.type === 'leave') leaving.onAsked(String(message.reason));
  });

  try {
    starting = startApp(app, build, config, { ...options, logger, signal: unwanted.signal, ...(options.mayLeave && { leaving }) });
    const { url } = await starting;
    logger.info({ url }, 'listening');
    if (process.connected) process.send?.({ type: 'listening', app, url });
    collectGarbageAtRest();
  } catch (error) {
    // Asked to stop while starting: the exit is under way.
    if (ending) return;
    if (error instanceof ConfigurationError) refuseConfiguration(error);
    if (error instanceof StartError || error instanceof RedisUnavailable) logger.fatal(error.message);
    else logger.fatal({ err: error }, 'the app could not start');
    process.exit(1);
  }
};

const readConfig = (app: AppName): Config => {
  try {
    const config = loadConfig();
    // An app that no app.json describes is told so at once.
    portOf(config, app);
    return config;
  } catch (error) {
    if (error instanceof ConfigurationError) refuseConfiguration(error);
    throw error;
  }
};

const refuseConfiguration = (error: ConfigurationError): never => {
  process.stderr.write(`${visibleText(error.message)}\n`);
  process.exit(EXIT_CONFIGURATION);
};
