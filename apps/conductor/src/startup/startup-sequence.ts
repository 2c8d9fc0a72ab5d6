import { readTextFile } from '@conductor/config';
import type { HistoryFeed, RouteStore, StartupPhases } from '@conductor/control';
import { RouteTable, type StartupPhase } from '@conductor/contracts';
import type { ApiKeys, AppContext } from '@conductor/http';
import type { Database } from '@conductor/persistence';
import { RoutePlanner } from '@conductor/routing';
import { z } from 'zod';
import type { Changes } from '../audit/changes';
import { ensureAdminKey } from './admin-key';
import type { HealthView } from '../platforms/health-view';
import type { PluginsInUse } from './plugins-in-use';
import type { Registrar } from './registrar';

const RENEW_MS = 1_000;
const LOOK_EVERY_MS = 100;

export interface StartupPorts {
  context: AppContext;
  phases: StartupPhases;
  routes: RouteStore;
  keys: ApiKeys;
  changes: Changes;
  database: Database;
  history: HistoryFeed;
  health: HealthView;
  plugins: PluginsInUse;
  registrar: Registrar;
}

/**
 * Configuration and plugins → database and metrics → health loop → platforms, one after the other → routing opens. A step that
 * fails is logged with its reason and stops no other.
 */
export class StartupSequence {
  readonly startedAt = Date.now();
  private readonly boot: string;
  private current: StartupPhase = 'configuration';
  private renewal?: NodeJS.Timeout;

  constructor(private readonly ports: StartupPorts) {
    this.boot = ports.context.instance;
  }

  get phase(): StartupPhase {
    return this.current;
  }

  /** Runs once, when this conductor becomes the active one. */
  async run(): Promise<void> {
    const { context, registrar, plugins } = this.ports;
    this.renewal = setInterval(() => void this.ports.phases.announce(this.current, false).catch(() => {}), RENEW_MS).unref();
    await this.step('configuration', () => this.configuration());
    await this.step('database', () => this.database());
    await this.step('health', () => this.healthLoop());
    await this.step('platforms', async () => {
      const { platforms } = context.config.startup;
      await registrar.registerAll(platforms);
      // Messages for them are routed from the same moment on; without that they would be refused until their plugin-host is here.
      const ofPlugins = (await plugins.platforms()).filter((name) => !platforms.includes(name));
      await registrar.registerAll(ofPlugins);
      registrar.stay();
      return `${platforms.length} platforms${ofPlugins.length > 0 ? `, ${ofPlugins.length} of plugins` : ''}`;
    });
    await this.step('open', async () => 'routing is open');
    context.logger.info({ ms: Date.now() - this.startedAt }, 'the system is up');
  }

  /** Another conductor is active now. */
  pause() {
    clearInterval(this.renewal);
    this.ports.registrar.leave();
  }

  async stop(): Promise<void> {
    this.pause();
    if (this.renewal) await this.ports.phases.withdraw().catch(() => {});
  }

  private async step(phase: StartupPhase, work: () => Promise<string>): Promise<void> {
    const { context, phases, history } = this.ports;
    this.current = phase;
    const startedAt = performance.now();
    const end = await Promise.resolve(phases.announce(phase, true)).then(work).then(
      (detail) => ({ result: 'ok', detail }),
      (error: unknown) => ({ result: 'failed', detail: error instanceof Error ? error.message : String(error) }),
    );
    const ms = Math.round(performance.now() - startedAt);
    context.logger[end.result === 'ok' ? 'info' : 'error']({ phase, ms, ...end }, `start-up, ${phase}: ${end.result} after ${ms} ms`);
    history.add('startup-step', { at: Date.now(), boot: this.boot, phase, ms, ...end });
  }

  private async configuration(): Promise<string> {
    const { context, keys, routes, changes } = this.ports;
    await ensureAdminKey(context, keys, changes);
    const file = context.config.router.routesFile;
    const text = await readTextFile(file).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (text === undefined) return `no ${file}; ${routes.rules.length} route rules kept from before`;
    const table = RouteTable.safeParse(JSON.parse(text));
    if (!table.success) throw new Error(`${file}: ${z.prettifyError(table.error)}; the rules of before stay`);
    new RoutePlanner('').use(table.data);
    // Rules made by REST stay; those of the file replace their namesakes and stand first, in the file's order.
    const fromFile = new Set(table.data.map(({ id }) => id));
    const merged = [...table.data, ...routes.rules.filter(({ id }) => !fromFile.has(id))];
    if (JSON.stringify(merged) !== JSON.stringify(routes.rules)) await routes.save(merged);
    return `${table.data.length} route rules from ${file}, ${merged.length} in all`;
  }

  private async database(): Promise<string> {
    const applied = await this.ports.database.migrate();
    return applied.length > 0 ? `migrations run: ${applied.join(', ')}` : 'up to date';
  }

  private async healthLoop(): Promise<string> {
    const { health, context } = this.ports;
    const until = Date.now() + context.config.startup.giveUpMs;
    while (Date.now() < until) {
      if (await health.isBeating()) return 'the health monitor is checking';
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
    throw new Error('no health monitor is running; platforms start all the same, but nobody judges them until one comes');
  }
}
