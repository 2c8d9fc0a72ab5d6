import { DeadLetters, Ledger, QueueConsumer, QueueProducer, ReplyInbox, WaitingQuota } from '@conductor/bus';
import { inboundQueue } from '@conductor/contracts';
import { PlatformDirectory, quotaReporter, RouteStore, StartupPhases } from '@conductor/control';
import type { AppContext } from '@conductor/http';
import { BreakerBoard } from '@conductor/resilience';
import { type DynamicModule, Module } from '@nestjs/common';
import { Dispatcher } from './dispatch/dispatcher';
import { OutcomeWatch } from './dispatch/outcome-watch';
import { ParcelSender } from './dispatch/parcel-sender';
import { PlatformChooser } from './dispatch/platform-chooser';
import { InboundHandler } from './inbound/inbound.handler';
import { ExplainController } from './requests/explain.controller';
import { Ingress } from './requests/ingress';
import { IngressQuota } from './requests/ingress-quota';
import { RequestsController } from './requests/requests.controller';
import { SenderRules } from './requests/sender-rules';
import { RoutePlanner } from '@conductor/routing';
import { routerMetrics } from './router-metrics';
import { RoutingGate } from './routing-gate';
import { Totals } from './totals';

/** Inbound jobs held at once. Each idle slot asks Redis for more, so one does while messages come singly. */
const INBOUND_SLOTS = { few: 1, crowd: 2 };
/** Items in a job, on average, from which on there is a crowd. */
const CROWD = 8;
const SMOOTHING = 0.1;

@Module({})
export class RouterModule {
  /** Wires the way of a message; what is opened first is closed last. */
  static async register(context: AppContext): Promise<DynamicModule> {
    const { connections, notices, resources, config, logger, instance } = context;
    const { namespace, commands } = connections;

    const directory = resources.hold('platform directory', new PlatformDirectory(connections, notices, logger), (open) => open.close());
    const routes = resources.hold('route store', new RouteStore(connections, notices), (open) => open.close());
    const breakers = resources.hold('breakers', new BreakerBoard(instance, connections, notices, directory, config.breaker, logger), (open) => open.close());
    const deadLetters = resources.hold('dead letters', new DeadLetters(connections.forProducer(), namespace), (open) => open.close());
    const ledger = new Ledger(commands, namespace, config.messages);
    const held = resources.hold('producer of inbound', new QueueProducer(inboundQueue, connections.forProducer(), namespace), (open) => open.close());
    const inbox = resources.hold('reply inbox', new ReplyInbox(connections, ledger, instance, logger), (open) => open.close());
    // Not the connection for commands: BullMQ defines its own as queues are made, which a pipeline that is being gathered would not know.
    const sending = connections.forProducer();
    const sender = resources.hold('parcel sender', new ParcelSender(sending, namespace, new Ledger(sending, namespace, config.messages)), (open) => open.close());
    const watch = resources.hold('outcome watch', new OutcomeWatch(inbox, sender), (open) => open.close());
    resources.hold('totals', new Totals(connections, inbox), (open) => open.close());
    const gate = resources.hold('routing gate', new RoutingGate(new StartupPhases(connections, notices), notices), (open) => open.close());

    const planner = new RoutePlanner(config.router.defaultTarget);
    const chooser = new PlatformChooser(directory, breakers);
    const dispatcher = new Dispatcher({ chooser, sender, inbound: held, watch, ledger, deadLetters, logger, router: instance });
    const waiting = new WaitingQuota(commands, namespace);
    waiting.onRefused = quotaReporter(context);
    const ingress = new Ingress(planner, chooser, dispatcher, ledger, inbox, config.router.maxInFlight, new IngressQuota(waiting, config.quota, waiting.onRefused));
    const handler = new InboundHandler(planner, dispatcher, ledger, deadLetters, logger);
    const inbound = resources.hold(
      'inbound consumer',
      new QueueConsumer(inboundQueue, handler, {
        connection: connections.forWorker(), namespace, concurrency: INBOUND_SLOTS.few, lockMs: config.messages.jobLockMs, logger,
      }),
      (open) => open.close(),
    );

    let itemsInAJob = 1;
    handler.onJob = (items) => {
      itemsInAJob += (items - itemsInAJob) * SMOOTHING;
      inbound.concurrency = itemsInAJob < CROWD ? INBOUND_SLOTS.few : INBOUND_SLOTS.crowd;
    };

    await connections.untilReady();
    await Promise.all([directory.open(), routes.open(), inbox.open()]);
    routes.onChange((rules) => {
      try {
        planner.use(rules);
      } catch (error) {
        logger.error({ err: error }, 'the new route rules cannot be used; the old ones stay');
      }
    });
    gate.whenOpen(() => inbound.start());
    gate.watch();

    context.readiness.push({ name: 'routing', check: () => ({ up: gate.opened, reason: gate.opened ? 'routing is open' : 'the system is starting' }) });
    context.flow.push({ name: 'inbound', check: () => ({ up: !gate.opened || inbound.isRunning, reason: 'the consumer of the inbound queue' }) });
    routerMetrics(context, { breakers, ingress, inbox, inbound: held });

    return {
      module: RouterModule,
      controllers: [RequestsController, ExplainController],
      providers: [
        { provide: Ingress, useValue: ingress },
        { provide: Ledger, useValue: ledger },
        { provide: RoutePlanner, useValue: planner },
        { provide: PlatformChooser, useValue: chooser },
        { provide: RoutingGate, useValue: gate },
        { provide: SenderRules, useValue: new SenderRules((name) => chooser.isKnown(name)) },
      ],
    };
  }
}
