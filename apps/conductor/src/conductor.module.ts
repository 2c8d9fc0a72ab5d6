import { DeadLetters, Ledger, WaitingQuota } from '@conductor/bus';
import { RedisConnections } from '@conductor/connections';
import { HistoryFeed, Lease, Notices, PlatformDirectory, PluginEvents, PluginWishes, Presences, RouteStore, ScalingBoard, StartupPhases } from '@conductor/control';
import { ApiKeys, type AppContext, type Caller } from '@conductor/http';
import { AuditLog, Database, MetricsHistory, MetricsRetention, openDatabase, PluginLog, ScalingHistory, ScalingLog, TransitionLog } from '@conductor/persistence';
import { type DynamicModule, Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { AuditController } from './audit/audit.controller';
import { Changes } from './audit/changes';
import { BreakersController } from './breakers/breakers.controller';
import { DeadLettersController } from './dead-letters/dead-letters.controller';
import { LetterBox } from './dead-letters/letter-box';
import { RedriveTasks } from './dead-letters/redrive-tasks';
import { RedrivesController } from './dead-letters/redrives.controller';
import { DeadLetterRetention } from './dead-letters/retention';
import { Events } from './events/event-stream';
import { EventsController } from './events/events.controller';
import { HistoryUpkeep } from './history/history-upkeep';
import { keepHistory } from './history/keep-history';
import { MetricsController } from './history/metrics.controller';
import { receiveHistory } from './history/receive-history';
import { KeysController } from './keys/keys.controller';
import { Leadership } from './leadership';
import { HealthView } from './platforms/health-view';
import { PlatformViews } from './platforms/platform-views';
import { PlatformsController } from './platforms/platforms.controller';
import { QueueWatch } from './platforms/queue-watch';
import { ScaleBounds } from './platforms/scale-wish';
import { PluginDesk } from './plugins/plugin-desk';
import { PluginHistory } from './plugins/plugin-history';
import { PluginStreams } from './plugins/plugin-streams';
import { PluginStreamsController } from './plugins/plugin-streams.controller';
import { PluginsController } from './plugins/plugins.controller';
import { ProcessBoard } from './processes/process-board';
import { ProcessesController } from './processes/processes.controller';
import { RoutesController } from './routes/routes.controller';
import { ScalingController } from './scaling/scaling.controller';
import { WhyController } from './scaling/why.controller';
import { PluginsInUse } from './startup/plugins-in-use';
import { Registrar } from './startup/registrar';
import { ensureAdminKey } from './startup/admin-key';
import { StoreWatch } from './startup/store-watch';
import { StartupSequence } from './startup/startup-sequence';
import { StatusController } from './status/status.controller';
import { QuotaUpkeep } from './status/quota-upkeep';
import { SystemStatusReader } from './status/system-status';

const LEASE_MS = 6_000;

@Module({})
export class ConductorModule {
  /** Wires the conductor; what is opened first is closed last. */
  static async register(context: AppContext): Promise<{ module: DynamicModule; queues: QueueWatch; deadLetters: DeadLetters }> {
    const { connections, notices, resources, config, logger, instance } = context;

    const database = resources.hold('database', await openDatabase({ home: config.home, databaseUrl: config.databaseUrl }), (open) => open.close());
    // Written until everything else has ended, since all of it may have something to add.
    let isActive = () => false;
    receiveHistory(context, database, () => isActive());
    const history = resources.hold('history feed', new HistoryFeed(connections, logger), (open) => open.close());
    const audit = new AuditLog(database);
    const changes = resources.hold('audit', new Changes(audit, logger), (open) => open.close());
    context.security.onEvent(({ action, subject, key, address, trace }) => {
      if (key) void changes.record({ caller: key as Caller, action, subject, after: { address }, ...(trace !== undefined && { trace }) });
    });
    const directory = resources.hold('platform directory', new PlatformDirectory(connections, notices, logger), (open) => open.close());
    const routes = resources.hold('route store', new RouteStore(connections, notices), (open) => open.close());
    const deadLetters = resources.hold('dead letters', new DeadLetters(connections.forProducer(), connections.namespace), (open) => open.close());
    const ledger = new Ledger(connections.commands, connections.namespace, config.messages);
    const queues = resources.hold('queue watch', new QueueWatch(context, directory), (open) => open.close());
    const redrives = resources.hold('redrives', new RedriveTasks(connections, notices, deadLetters, ledger, instance, logger), (open) => open.close());
    const box = new LetterBox(deadLetters, ledger);
    const retention = new DeadLetterRetention(deadLetters, box, config.messages.deadLetterRetentionMs, () => isActive(), logger);
    const events = resources.hold('events', new Events(notices, connections, instance), (open) => open.close());
    const quotaUpkeep = new QuotaUpkeep(new WaitingQuota(connections.commands, connections.namespace), ledger, () => isActive(), logger);
    const presences = new Presences(connections);
    const health = new HealthView(connections);
    const processes = new ProcessBoard(connections);
    const platforms = new PlatformViews(directory, health, queues, connections);

    const pluginDesk = resources.hold('plugin desk', new PluginDesk(context), (open) => open.close());
    const pluginLog = new PluginLog(database);

    const pluginWishes = resources.hold('plugin wishes', new PluginWishes(connections, notices, logger), (open) => open.close());

    await connections.untilReady();
    await Promise.all([pluginDesk.open(), directory.open(), routes.open(), pluginWishes.open()]);

    const phases = new StartupPhases(connections, notices);
    const keys = new ApiKeys(connections, notices, logger);
    resources.hold('keys for start-up', keys, (open) => open.close());
    const registrar = new Registrar(context, presences, directory, ({ platform, result, ms, reason }) =>
      history.add('startup-step', { at: Date.now(), boot: instance, phase: 'platforms', platform, result, ms, detail: reason }),
    );
    const startup = resources.hold('start-up', new StartupSequence({ context, phases, routes, keys, changes, database, history, health, plugins: new PluginsInUse(context, pluginWishes, presences), registrar }), (open) => open.stop());
    const restore = async () => {
      await keys.keepTombstones();
      await ensureAdminKey(context, keys, changes, 'Redis was emptied');
      await changes.record({ caller: { name: 'conductor', role: 'system' }, action: 'store.emptied', subject: 'redis', after: { noticedAt: storeWatch.emptiedAt } });
    };
    const storeWatch = resources.hold('store watch', new StoreWatch(connections, restore, logger), (open) => open.stop());
    const leadership = resources.hold(
      'leadership',
      new Leadership(new Lease(connections, 'conductor', instance, LEASE_MS), LEASE_MS, logger, {
        active: () => {
          void startup.run();
          storeWatch.start();
          void redrives.endOrphans().catch(() => {});
          void retention.adopt();
        },
        passive: () => {
          startup.pause();
          storeWatch.stop();
        },
      }),
      (open) => open.resign(),
    );
    isActive = () => leadership.isActive;
    resources.hold('history of plugins', new PluginHistory(new PluginEvents(connections, notices), pluginLog, changes, notices, isActive, logger), (open) => open.close());
    keepHistory(notices, history, directory, isActive);

    context.readiness.push({ name: 'start-up', check: () => ({ up: !leadership.isActive || startup.phase === 'open', reason: leadership.isActive ? `start-up is at: ${startup.phase}` : 'standing by' }) });
    context.flow.push({ name: 'health monitor', check: async () => ({ up: await health.isBeating(), reason: 'a health monitor acts' }) });
    await leadership.campaign();

    const { rawRetentionMs, hourlyRetentionMs } = config.metrics;
    const metricsRetention = new MetricsRetention(database, { keepRawMs: rawRetentionMs, keepHourlyMs: hourlyRetentionMs, keepTransitionsMs: hourlyRetentionMs });
    const scaling = { log: new ScalingLog(database), history: new ScalingHistory(database) };
    const status = new SystemStatusReader({ startup, database, health, platforms, queues, processes, presences, deadLetters, connections, storeWatch });
    const values: Array<[new (...args: never[]) => unknown, unknown]> = [
      [RedisConnections, connections], [Notices, notices], [Events, events], [PlatformDirectory, directory], [RouteStore, routes], [DeadLetters, deadLetters], [RedriveTasks, redrives],
      [LetterBox, box], [PlatformViews, platforms], [ScaleBounds, new ScaleBounds(presences, processes)], [ProcessBoard, processes], [Changes, changes], [AuditLog, audit], [Database, database],
      [MetricsHistory, new MetricsHistory(database, { keepRawMs: rawRetentionMs })], [TransitionLog, new TransitionLog(database)], [SystemStatusReader, status],
      [ScalingBoard, new ScalingBoard(connections, notices)], [ScalingLog, scaling.log], [HistoryUpkeep, new HistoryUpkeep(metricsRetention, scaling, pluginLog, config.metrics, isActive, logger)],
      [DeadLetterRetention, retention], [QuotaUpkeep, quotaUpkeep], [ApiKeys, keys], [PluginDesk, pluginDesk], [PluginStreams, new PluginStreams(pluginDesk)], [PluginLog, pluginLog],
    ];
    const module: DynamicModule = {
      module: ConductorModule,
      imports: [ScheduleModule.forRoot()],
      controllers: [
        StatusController, PlatformsController, BreakersController, RoutesController, DeadLettersController, RedrivesController, MetricsController,
        EventsController, AuditController, KeysController, ProcessesController, PluginsController, PluginStreamsController, ScalingController, WhyController,
      ],
      providers: values.map(([provide, useValue]) => ({ provide, useValue })),
    };
    return { module, queues, deadLetters };
  }
}
