import { randomBytes } from 'node:crypto';
import { DeadLetters, Ledger, QueueProducer, ReplyInbox, ReplySender } from '@conductor/bus';
import { platformQueue } from '@conductor/contracts';
import { PlatformDirectory, Presences, StartupPhases } from '@conductor/control';
import type { AppContext } from '@conductor/http';
import type { Redis } from 'ioredis';
import { HealthResponder } from './health-responder';
import { InboundPort } from './inbound-port';
import { PlatformInstance } from './platform-instance';
import { platformMetrics } from './platform-metrics';
import type { PlatformContext, PlatformDefinition } from './platform-plugin';
import { RedisPlatformStorage } from './platform-storage';

/**
 * Runs platforms in this process: each consumes its queue, answers health checks, starts when the conductor lets it and
 * stops when it is not wanted. What is held is let go through `context.resources`.
 */
export class PlatformHost {
  readonly instances: PlatformInstance[] = [];
  readonly inbound: InboundPort;
  readonly inbox: ReplyInbox;
  readonly ledger: Ledger;

  /** @param producing connection on which everything that is put on a queue travels */
  private constructor(
    private readonly context: AppContext,
    producing: Redis,
  ) {
    const { connections, config } = context;
    this.ledger = new Ledger(connections.commands, connections.namespace, config.messages);
    this.inbound = new InboundPort(producing, connections.namespace);
    this.inbox = new ReplyInbox(connections, this.ledger, context.instance, context.logger);
  }

  static async open(context: AppContext, definitions: readonly PlatformDefinition[]): Promise<PlatformHost> {
    const { connections, resources, logger } = context;
    const producing = connections.forProducer();
    // BullMQ looks at Redis the moment a queue is made; one made before its connection is up fails every call from then on.
    await connections.untilReady();
    const host = new PlatformHost(context, producing);
    resources.hold('inbound port', host.inbound, (port) => port.close());
    await host.inbox.open();
    resources.hold('reply inbox', host.inbox, (inbox) => inbox.close());

    const directory = new PlatformDirectory(connections, context.notices, logger);
    await directory.open();
    resources.hold('platform directory', directory, (open) => open.close());

    const deadLetters = resources.hold('dead letters', new DeadLetters(producing, connections.namespace), (letters) => letters.close());
    const shared = { context, directory, presences: new Presences(connections), phases: new StartupPhases(connections, context.notices) };
    const replies = new ReplySender(connections.commands, connections.namespace);
    const meters = platformMetrics(context);
    const queues = new Map<string, QueueProducer<ReturnType<typeof platformQueue>>>();

    for (const definition of definitions) {
      const again = resources.hold(`producer of ${definition.name}`, new QueueProducer(platformQueue(definition.name), producing, connections.namespace), (queue) => queue.close());
      queues.set(definition.name, again);
      const instance = new PlatformInstance(definition, {
        ...shared,
        deliveries: { ledger: host.ledger, deadLetters, replies, inbound: host.inbound, again, logger: logger.child({ platform: definition.name }) },
        platformContext: host.platformContext(definition.name, meters),
      });
      instance.observe(meters.outcome);
      host.instances.push(instance);
    }
    meters.queues(queues);
    await connections.untilReady();
    const responder = resources.hold('health responder', new HealthResponder(context, host.instances), (open) => open.close());
    await responder.open();
    for (const instance of host.instances) {
      await instance.open();
      resources.hold(`platform ${instance.name}`, instance, (open) => open.close());
    }
    host.addProbes();
    return host;
  }

  private platformContext(platform: string, meters: ReturnType<typeof platformMetrics>): PlatformContext {
    const { connections, logger } = this.context;
    const instance = `${platform}-${randomBytes(4).toString('hex')}`;
    return {
      platform,
      instance,
      logger: logger.child({ platform, platformInstance: instance }),
      storage: new RedisPlatformStorage(connections.commands, connections.namespace, platform),
      metrics: meters.of(platform),
      emit: (message) => this.inbound.emit(platform, message),
    };
  }

  /** The process can do its work when any platform of it is as it is wanted to be. */
  private addProbes() {
    this.context.readiness.push({
      name: 'platforms',
      check: () => {
        const working = this.instances.filter(({ state }) => ['ready', 'degraded', 'disabled', 'suspended'].includes(state.lifecycle));
        const reasons = this.instances.map(({ name, state }) => `${name} is ${state.lifecycle}: ${state.reason}`);
        return { up: working.length > 0, reason: reasons.join('; ') };
      },
    });
    for (const instance of this.instances) {
      this.context.flow.push({ name: instance.name, check: () => ({ up: instance.isFlowing(), reason: instance.state.reason }) });
    }
  }
}
