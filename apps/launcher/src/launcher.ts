import { accessSync, constants, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Config } from '@conductor/config';
import type { ProcessState } from '@conductor/contracts';
import type { Logger } from 'pino';
import { Announcer } from './announcer';
import { appEnvironment } from './app-environment';
import type { App } from './apps';
import { CannotStart } from './cannot-start';
import { FurtherProcesses } from './further-processes';
import { HomeLock } from './home-lock';
import { untilLeftoversAreGone } from './leftovers';
import type { LogView } from './log-view';
import { NodeApp } from './node-app';
import { firstCommands, type Row, table, troubles } from './overview';
import { checkPorts } from './ports';
import { EmbeddedRedis } from './redis/embedded-redis';
import { findRedis } from './redis/find-redis';
import { RedisFolder } from './redis/redis-folder';
import { RunFile } from './run-file';
import { Supervised } from './supervised';
import type { Timings } from './timings';
import { appOf, wantedProcesses } from './wanted-processes';

export interface Parts {
  readonly config: Config;
  readonly apps: readonly App[];
  readonly timings: Timings;
  readonly env: NodeJS.ProcessEnv;
  /** Folder of the project for a fetched Redis. */
  readonly runtimeDir: string;
  readonly logger: Logger;
  readonly view: LogView;
  /** Plain text for the person who typed the command. */
  readonly say: (text: string) => void;
}

/** A person who waits longer than this wants to know for whom. */
const STILL_WAITING_MS = 5_000;

/** Everything waits for it, and what kept it from starting (a full disk) may be over at any moment. */
const REDIS_BACK_OFF_MS = 2_000;

/** Nothing more is to be expected of a process in such a state. */
const SETTLED = new Set<ProcessState['state']>(['ready', 'not-ready', 'suspended', 'quarantined']);

/** Starts everything on one machine, keeps it running, stops it in order. */
export class Launcher {
  private readonly startedAt = Date.now();
  private readonly lock: HomeLock;
  private readonly runFile: RunFile;
  private readonly leaving = new AbortController();
  private readonly apps: Supervised[] = [];
  private further: FurtherProcesses | undefined;
  private wishesTimer: NodeJS.Timeout | undefined;
  private redis: Supervised | undefined;
  private redisUrl = '';
  private runFileTrouble: string | undefined;
  private announcer: Announcer | undefined;
  private checkAllSettled: () => void = () => undefined;

  constructor(private readonly parts: Parts) {
    this.lock = new HomeLock(parts.config.home, parts.apps.map(({ portVariable }) => portVariable));
    this.runFile = new RunFile(parts.config.home);
  }

  async start(): Promise<void> {
    const { config, apps, timings, say } = this.parts;
    makeHome(config.home);
    const keyIsNew = !existsSync(this.keyFile);
    this.lock.take();
    await untilLeftoversAreGone(this.runFile.read(), apps, timings.stopGraceMs + 2_000, say);
    await checkPorts(config.host, apps);
    this.redisUrl = config.redisUrl ?? (await this.startRedis());
    if (this.leaving.signal.aborted) return;
    this.announcer = new Announcer(this.redisUrl, config.namespace, this.parts.logger, { startAsked: (app) => this.startAsked(app), wishChanged: () => void this.followWishes() });
    this.startApps();
    await this.untilAllSettled();
    if (this.leaving.signal.aborted) return;
    say(this.overview(keyIsNew));
    this.wishesTimer = setInterval(() => void this.followWishes(), timings.wishesEveryMs);
    void this.followWishes();
  }

  /** Stops who takes work in first, then who carries it, then the conductor, and Redis last. */
  async stop(why: string): Promise<void> {
    if (this.leaving.signal.aborted) return;
    this.leaving.abort();
    clearInterval(this.wishesTimer);
    this.checkAllSettled();
    // Without the lock nothing was started, and what is in the home belongs to another launcher.
    if (!this.lock.held) return;
    const { say, apps } = this.parts;
    if (this.all().length === 0) return this.lock.release();
    say(`Stopping (${why}) …`);
    for (const order of [...new Set(apps.map((app) => app.stopOrder))].sort((a, b) => a - b)) {
      const group = this.apps.filter(({ name }) => apps.some((app) => app.name === appOf(name) && app.stopOrder === order));
      await Promise.all(
        group.map(async (app) => {
          await app.stop();
          say(`  ${app.name} stopped`);
        }),
      );
    }
    if (this.redis) this.announcer?.announce({ ...this.redis.state, state: 'stopped', reason: 'stopped with the launcher', at: Date.now() });
    await this.announcer?.close();
    if (this.redis) {
      await this.redis.stop();
      say('  redis stopped, everything accepted is on disk');
    }
    this.runFile.remove();
    this.lock.release();
    say('Stopped.');
  }

  /** The person does not want to wait. Redis still gets its moment to write: that takes milliseconds. */
  force(): void {
    this.parts.say('Not waiting any longer.');
    for (const app of this.apps) app.kill();
  }

  private async startRedis(): Promise<string> {
    const { config, env, runtimeDir, say, timings, logger } = this.parts;
    const binary = await findRedis({ path: env['PATH'] ?? '', runtimeDir, say, signal: this.leaving.signal });
    const embedded = await EmbeddedRedis.on(new RedisFolder(join(config.home, 'redis')), binary, 'durable', say);
    if (this.leaving.signal.aborted) return embedded.url;
    // Never given up on: without it nothing works, and what keeps it from living (a full disk) passes.
    this.redis = new Supervised(embedded, { ...timings, quarantineDeaths: Infinity, maxBackoffMs: Math.min(timings.maxBackoffMs, REDIS_BACK_OFF_MS) }, logger, this.listener());
    this.redisUrl = embedded.url;
    this.redis.start();
    await this.untilAllSettled();
    while (this.redis.state.state !== 'ready' && !this.leaving.signal.aborted) {
      say(`Redis does not start: ${this.redis.state.reason}. Nothing can start before it; it is tried again and again.`);
      await this.untilAllSettled();
    }
    if (this.leaving.signal.aborted) return embedded.url;
    say(`${binary.version} answers at ${embedded.door}, its data is in ${here(join(config.home, 'redis'))}`);
    return embedded.url;
  }

  private startApps(): void {
    const { apps, env, config, timings, logger, say } = this.parts;
    say(`Starting ${apps.map(({ name }) => name).join(', ')} …`);
    const make = (app: App) => {
      const ownPort = { ...appEnvironment(appOf(app.name), env, config, this.redisUrl), [app.portVariable]: String(app.port) };
      const process = new Supervised(new NodeApp(app, ownPort, timings.readyPollMs), timings, logger, this.listener());
      this.apps.push(process);
      return process;
    };
    apps.forEach(make);
    this.further = new FurtherProcesses({ apps, make, gone: (process) => this.forget(process), logger });
    if (this.redis) this.announcer?.announce(this.redis.state);
    for (const app of this.apps) app.start();
  }

  /** As many processes of each app as are wanted. Not before the first of each is up: it says which platforms it runs. */
  private async followWishes(): Promise<void> {
    if (this.wishesTimer === undefined) return;
    const wishes = await this.announcer?.readWishes();
    if (wishes && !this.leaving.signal.aborted) this.further?.follow(wantedProcesses(wishes.desired, wishes.presences));
  }

  private forget(process: Supervised): void {
    if (this.leaving.signal.aborted) return;
    this.apps.splice(this.apps.indexOf(process), 1);
    this.announcer?.forget(process.name);
    this.writeRun();
  }

  private listener() {
    return {
      changed: (state: ProcessState) => {
        this.announcer?.announce(state);
        this.writeRun();
        if (state.restarts > 0 && state.state === 'ready') this.parts.logger.info({ program: state.app }, `${state.app} is ready again`);
        this.checkAllSettled();
      },
      line: this.parts.view.line.bind(this.parts.view),
    };
  }

  private writeRun(): void {
    const trouble = this.runFile.write({ pid: process.pid, redisUrl: this.redisUrl, apps: Object.fromEntries(this.all().map(({ state: { app, pid, url, state: now } }) => [app, { pid, url, state: now }])) });
    if (trouble !== undefined && this.runFileTrouble === undefined) this.parts.logger.error({ reason: trouble }, 'run.json could not be written; everything goes on, and it is written again at the next change');
    this.runFileTrouble = trouble;
  }

  /** Until everything works, or is known not to, or patience ends. */
  private untilAllSettled(): Promise<void> {
    return new Promise((resolve) => {
      const waitingFor = () => this.all().filter(({ state }) => !SETTLED.has(state.state));
      const done = () => {
        clearTimeout(patience);
        clearInterval(news);
        resolve();
      };
      const patience = setTimeout(done, this.parts.timings.startPatienceMs);
      const news = setInterval(() => this.parts.say(`  still waiting for ${waitingFor().map(({ name, state }) => `${name} (${state.state})`).join(', ')} …`), STILL_WAITING_MS);
      this.checkAllSettled = () => {
        if (this.leaving.signal.aborted || waitingFor().length === 0) done();
      };
      this.checkAllSettled();
    });
  }

  private startAsked(name: string): void {
    const { logger } = this.parts;
    const asked = this.all().find((one) => one.name === name);
    if (!asked || this.leaving.signal.aborted) return;
    logger.info({ program: name }, `${name} is started because a person asked for it`);
    void asked.restart();
  }

  private all(): Supervised[] {
    return [...(this.redis ? [this.redis] : []), ...this.apps];
  }

  private overview(keyIsNew: boolean): string {
    const { apps } = this.parts;
    const rows: Row[] = this.all().map(({ state }) => ({ process: state, what: apps.find(({ name }) => name === appOf(state.app))?.what ?? 'queues and state' }));
    const bad = troubles(rows);
    const took = `${((Date.now() - this.startedAt) / 1000).toFixed(1)} s`;
    return [
      '',
      bad.length === 0 ? `The Conductor is ready (${took}).` : `The Conductor runs, but not all of it (${took}).`,
      '',
      table(rows),
      ...(this.redis ? [] : ['', `  Redis: ${withoutPassword(this.redisUrl)} (REDIS_URL)`]),
      ...(bad.length > 0 ? ['', ...bad] : []),
      '',
      ...this.aboutTheKey(keyIsNew),
      '',
      ...firstCommands((app) => rows.find((row) => row.process.app === app)?.process.url, this.keyIsPreset ? undefined : here(this.keyFile)),
      'Stop:            Ctrl-C',
      '',
    ].join('\n');
  }

  private aboutTheKey(isNew: boolean): string[] {
    if (this.keyIsPreset) return ['Admin key: the one in CONDUCTOR_ADMIN_KEY.'];
    if (!existsSync(this.keyFile)) return ['Admin key: none yet; the conductor makes it when it first works.'];
    if (!isNew) return [`Admin key: in ${here(this.keyFile)}`];
    return ['Admin key, shown this once (it is also in the file below; keep it like a password):', `  ${readFileSync(this.keyFile, 'utf8').trim()}`, `  ${here(this.keyFile)}`];
  }

  /** Then the conductor makes none, and no file. */
  private get keyIsPreset(): boolean {
    return !existsSync(this.keyFile) && this.parts.config.adminKey !== undefined;
  }

  private get keyFile(): string {
    return join(this.parts.config.home, 'admin-key');
  }
}

const makeHome = (home: string): void => {
  try {
    mkdirSync(home, { recursive: true, mode: 0o700 });
    accessSync(home, constants.W_OK);
  } catch (error) {
    throw new CannotStart(`The home ${home} cannot be used: ${(error as Error).message}.\nSet CONDUCTOR_HOME to a folder that this user may write to.`);
  }
};

/** A path as a person would type it from here. */
const here = (path: string): string => {
  const short = relative(process.cwd(), path);
  return short.startsWith('..') ? path : short;
};

const withoutPassword = (url: string): string => url.replace(/\/\/[^@/]*@/, '//').replace(/^(redis\+unix:[^?]*)\?.*/, '$1');
