import { availableParallelism, freemem, loadavg, totalmem } from 'node:os';
import type { DeadLetters } from '@conductor/bus';
import type { RedisConnections } from '@conductor/connections';
import type { PlatformView, ProcessState, SystemStatus } from '@conductor/contracts';
import type { Presences } from '@conductor/control';
import type { Database } from '@conductor/persistence';
import type { HealthView } from '../platforms/health-view';
import type { PlatformViews } from '../platforms/platform-views';
import type { QueueWatch } from '../platforms/queue-watch';
import type { ProcessBoard } from '../processes/process-board';
import type { StoreWatch } from '../startup/store-watch';
import type { StartupSequence } from '../startup/startup-sequence';

type Component = SystemStatus['components'][number];
const VERSION = '0.1.0';
const QUICK_MS = 1_000;

/** The whole system at a glance. */
export class SystemStatusReader {
  constructor(
    private readonly parts: {
      startup: StartupSequence;
      database: Database;
      health: HealthView;
      platforms: PlatformViews;
      queues: QueueWatch;
      processes: ProcessBoard;
      presences: Presences;
      deadLetters: DeadLetters;
      connections: RedisConnections;
      storeWatch: StoreWatch;
    },
  ) {}

  async read(): Promise<SystemStatus> {
    const { startup, health, platforms, queues, processes, deadLetters } = this.parts;
    const [views, running, queued, letters, beating, totals, memory, database, redis] = await Promise.all([
      platforms.all(), processes.all(), queues.totals(), deadLetters.count(), health.isBeating(), this.totals(), this.platformsMb(), this.database(), this.redis(),
    ]);
    const components: Component[] = [
      redis,
      database,
      beating ? { name: 'health-monitor', state: 'up', reason: 'checks every instance' } : { name: 'health-monitor', state: 'down', reason: 'no health monitor is acting: verdicts are not renewed' },
      ...running.filter(({ state }) => !WANTED_SO.has(state)).map(({ app, state, reason }): Component => ({ name: app, state: state === 'starting' ? 'degraded' : 'down', reason })),
    ];
    const phase = startup.phase;
    return {
      status: phase !== 'open' ? 'starting' : components.every(({ state }) => state === 'up') && views.every(isWell) ? 'ok' : 'degraded',
      phase,
      version: VERSION,
      startedAt: startup.startedAt,
      uptimeMs: Date.now() - startup.startedAt,
      components,
      processes: running,
      resources: {
        memory: { totalMb: mb(totalmem()), freeMb: mb(freemem()), usedPercent: Math.round((1 - freemem() / totalmem()) * 1_000) / 10, platformsMb: memory },
        cpu: { cores: availableParallelism(), load1: Math.round(loadavg()[0]! * 100) / 100 },
      },
      platforms: views.map(({ name, state, reason }) => ({ name, state, reason })),
      totals: { ...totals, waiting: queued.waiting + queued.delayed, active: queued.active, deadLetters: letters },
    };
  }

  private async redis(): Promise<Component> {
    const refusal = await this.parts.connections.tryWrite().then(() => undefined, (error: unknown) => (error as Error).message);
    if (refusal !== undefined) return { name: 'redis', state: 'down', reason: refusal };
    const { emptiedAt } = this.parts.storeWatch;
    if (emptiedAt !== undefined) return { name: 'redis', state: 'degraded', reason: `was emptied, which was noticed at ${new Date(emptiedAt).toISOString()} (FLUSHALL, or its data was lost): messages that waited, dead letters, API keys but those of start-up, and log-ins are gone` };
    if (this.parts.connections.isReady) return { name: 'redis', state: 'up', reason: 'answers' };
    return { name: 'redis', state: 'degraded', reason: 'answers, but not every connection of the conductor is back yet; redrives and waiting queues may be refused for some seconds' };
  }

  private async database(): Promise<Component> {
    const health = await this.parts.database.health(AbortSignal.timeout(QUICK_MS));
    return health.ok ? { name: 'database', state: 'up', reason: this.parts.database.kind } : { name: 'database', state: 'degraded', reason: `${health.reason}; history waits in Redis, messages are not affected` };
  }

  private async totals(): Promise<{ answered: number; failedAttempts: number }> {
    const { commands, namespace } = this.parts.connections;
    const { answered = '0', failedAttempts = '0' } = await commands.hgetall(`${namespace}:totals`);
    return { answered: Number(answered), failedAttempts: Number(failedAttempts) };
  }

  /** Several platforms may share a process. */
  private async platformsMb(): Promise<number> {
    const processes = new Map((await this.parts.presences.all()).map(({ host, pid, rssMb }) => [`${host}/${pid}`, rssMb]));
    return [...processes.values()].reduce((sum, rss) => sum + rss, 0);
  }
}

const mb = (bytes: number) => Math.round(bytes / 1_048_576);

/** States of a process that are as somebody wants them. */
const WANTED_SO = new Set<ProcessState['state']>(['ready', 'suspended', 'draining']);

/** A platform that is off because somebody wants it off is no trouble. */
const isWell = ({ state }: PlatformView) => ['ready', 'disabled', 'suspended'].includes(state);
