import { join } from 'node:path';
import { ConfigurationError, loadConfig, visibleText } from '@conductor/config';
import pino from 'pino';
import { type App, configuredApps } from './apps';
import { CannotStart } from './cannot-start';
import { Launcher } from './launcher';
import { RawLogView, ReadableLogView } from './log-view';
import { projectRoot } from './project-root';
import { type Timings, TIMINGS } from './timings';

/** Ctrl-C can arrive twice, from the terminal and handed on by npm; what comes this soon after is the same one. */
const SAME_PRESS_MS = 1_000;

/** The output goes to a file on a full disk: it is lost, and nothing else. */
const NO_ROOM = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** EX_CONFIG of sysexits.h, as every app has it: starting again changes nothing until a person mends the configuration. */
const EXIT_CONFIGURATION = 78;

/**
 * The whole life of the launcher process: start, run until told to stop, stop.
 * Plain classes and no Nest: it has to be up before anything else, in milliseconds, and to stay when memory is short;
 * a container for six objects would triple its size.
 * @param options.apps other apps than the Conductor's own, for tests
 */
export const launch = async (options: { apps?: App[]; timings?: Partial<Timings>; runtimeDir?: string } = {}): Promise<void> => {
  const write = (text: string) => void process.stdout.write(text);
  const say = (text: string) => write(`${visibleText(text)}\n`);
  let launcher: Launcher | undefined;
  try {
    const config = loadConfig();
    const view = process.stdout.isTTY ? new ReadableLogView(write, process.stdout.hasColors()) : new RawLogView(write);
    const logger = pino(
      { level: config.logLevel, base: { app: 'launcher', pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } },
      { write: (text) => view.line('launcher', { from: 'stdout', text: text.trimEnd() }) },
    );
    launcher = new Launcher({
      config,
      apps: options.apps ?? configuredApps(config),
      timings: { ...TIMINGS, silenceMs: config.launcherSilenceMs, ...options.timings },
      env: process.env,
      runtimeDir: options.runtimeDir ?? join(projectRoot(), '.runtime'),
      logger,
      view,
      say,
    });
    stopOnRequest(launcher);
    await launcher.start();
  } catch (error) {
    console.error(`\n${visibleText(messageOf(error))}\n`);
    await launcher?.stop('it cannot go on');
    process.exit(error instanceof ConfigurationError ? EXIT_CONFIGURATION : 1);
  }
};

const messageOf = (error: unknown): string => {
  if (error instanceof CannotStart || error instanceof ConfigurationError) return error.message;
  const { code, message, stack } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') return `The disk is full (${message}). Make room and start again.`;
  return String(stack);
};

const stopOnRequest = (launcher: Launcher): void => {
  let since: number | undefined;
  const leave = (why: string) => {
    if (since !== undefined) return;
    since = Date.now();
    launcher.stop(why).then(
      () => process.exit(0),
      (error: Error) => {
        console.error(error);
        process.exit(1);
      },
    );
  };
  process.on('SIGINT', () => {
    if (since !== undefined && Date.now() - since > SAME_PRESS_MS) launcher.force();
    leave('Ctrl-C');
  });
  process.on('SIGTERM', () => leave('asked to'));
  process.on('SIGHUP', () => leave('the terminal closed'));
  // `npm start` holds the other end: when it is killed, everything stops as if it had been asked to.
  process.on('disconnect', () => leave('`npm start` is gone'));
  // A pipe whose reader left: nobody reads on, but everything must still stop in order.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => NO_ROOM.has(error.code ?? '') || leave('nobody reads the output any more'));
  process.stderr.on('error', () => undefined);
};
