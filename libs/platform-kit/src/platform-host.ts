import { randomBytes } from 'node:crypto';
import { DeadLetters, Ledger, QueueProducer, ReplyInbox, ReplySender, WaitingQuota } from '@conductor/bus';
import { platformQueue } from '@conductor/contracts';
import { PlatformDirectory, Presences, StartupPhases, quotaReporter } from '@conductor/control';
import type { AppContext } from '@conductor/http';
import type { Redis } from 'ioredis';
import { HealthResponder } from './health-responder';
import { InboundPort } from './inbound-port';
import { type InstancePorts, PlatformInstance } from './platform-instance';
import { platformMetrics } from './platform-metrics';
import type { PlatformContext, PlatformDefinition } from './platform-plugin';
import { handOverStorage, RedisPlatformStorage, storageOwner } from './platform-storage';
import { retireWhenUnwanted } from './retirement';

/** What all platforms of a process have in common. */
interface Shared {
  readonly ports: Pick<InstancePorts, 'context' | 'directory' | 'presences' | 'phases'>;
  readonly deadLetters: DeadLetters;
  readonly replies: ReplySender;
  readonly meters: ReturnType<typeof platformMetrics>;
  readonly watch: ((instance: PlatformInstance) => void) | undefined;
}

/**
 * Runs platforms in this process: each consumes its queue, answers health checks, starts when the conductor lets it and
 * stops when it is not wanted. What is held is let go through `context.resources`.
 */
export class PlatformHost {
  readonly instances: PlatformInstance[] = [];
  readonly inbound: InboundPort;
  readonly inbox: ReplyInbox;
  readonly ledger: Ledger;
  private readonly queues = new Map<string, QueueProducer<ReturnType<typeof platformQueue>>>();
  private shared!: Shared;

  /** @param producing connection on which everything that is put on a queue travels */
  private constructor(
    private readonly context: AppContext,
    private readonly producing: Redis,
  ) {
    const { connections, config } = context;
    this.ledger = new Ledger(connections.commands, connections.namespace, config.messages);
    const waiting = new WaitingQuota(connections.commands, connections.namespace);
    waiting.onRefused = quotaReporter(context);
    this.inbound = new InboundPort(producing, connections.namespace, this.ledger, { waiting, user: config.quota.user, plugin: context.app === 'plugin-host' ? config.quota.sender : undefined });
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
    const meters = platformMetrics(context);
    host.shared = {
      ports: { context, directory, presences: new Presences(connections), phases: new StartupPhases(connections, context.notices) },
      deadLetters,
      replies: new ReplySender(connections.commands, connections.namespace),
      meters,
      watch: context.leaving && retireWhenUnwanted(host.instances, context.leaving),
    };
    resources.hold('producers of platforms', host.queues, (queues) => Promise.all([...queues.values()].map((queue) => queue.close())));
    for (const definition of definitions) host.prepare(definition);
    meters.queues(host.queues);
    meters.limits(host.instances);
    await connections.untilReady();
    const responder = resources.hold('health responder', new HealthResponder(context, host.instances), (open) => open.close());
    await responder.open();
    // Side by side: a process may run many of them, and has little time to end.
    resources.hold('platforms', host.instances, (instances) => Promise.all(instances.map((instance) => host.close(instance))));
    for (const instance of host.instances) await instance.open();
    host.addProbes();
    return host;
  }

  /** Runs another platform, from now on. @throws when one of this name runs here already */
  async add(definition: PlatformDefinition): Promise<PlatformInstance> {
    if (this.instances.some(({ name }) => name === definition.name)) throw new Error(`the platform ${definition.name} runs here already`);
    const { connections } = this.context;
    await connections.untilReady();
    if (definition.adoptsStorage) await handOverStorage(connections.commands, connections.namespace, definition.name, storageOwner(definition.name, definition.plugin));
    const instance = this.prepare(definition);
    this.addFlowProbe(instance);
    try {
      await instance.open();
    } catch (error) {
      await this.remove(definition.name);
      throw error;
    }
    return instance;
  }

  /** Runs a platform no more: it takes no more work, finishes what it has in hand, and leaves nothing. @returns whether it was here */
  async remove(name: string): Promise<boolean> {
    const { flow } = this.context;
    const instance = this.instances.find((one) => one.name === name);
    if (!instance) return false;
    await instance.close();
    this.instances.splice(this.instances.indexOf(instance), 1);
    const probe = flow.findIndex((one) => one.name === name);
    if (probe >= 0) flow.splice(probe, 1);
    const queue = this.queues.get(name);
    this.queues.delete(name);
    await queue?.close();
    return true;
  }

  private prepare(definition: PlatformDefinition): PlatformInstance {
    const { connections, logger } = this.context;
    const { ports, deadLetters, replies, meters, watch } = this.shared;
    const { name } = definition;
    const again = new QueueProducer(platformQueue(name), this.producing, connections.namespace);
    this.queues.set(name, again);
    const instance = new PlatformInstance(definition, {
      ...ports,
      deliveries: { ledger: this.ledger, deadLetters, replies, inbound: this.inbound, again, logger: logger.child({ platform: name }) },
      platformContext: this.platformContext(definition, meters),
    });
    instance.observe(meters.outcome);
    watch?.(instance);
    this.instances.push(instance);
    return instance;
  }

  private async close(instance: PlatformInstance): Promise<void> {
    await instance.close().catch((error: unknown) => this.context.logger.warn({ err: error, platform: instance.name }, 'a platform did not close properly'));
  }

  private platformContext({ name: platform, plugin }: PlatformDefinition, meters: ReturnType<typeof platformMetrics>): PlatformContext {
    const { connections, logger } = this.context;
    const instance = `${platform}-${randomBytes(4).toString('hex')}`;
    const owner = plugin === undefined ? `platform/${platform}` : `plugin/${plugin}/${platform}`;
    return {
      platform,
      instance,
      logger: logger.child({ platform, platformInstance: instance }),
      storage: new RedisPlatformStorage(connections.commands, connections.namespace, storageOwner(platform, plugin)),
      metrics: meters.of(platform),
      emit: (message, sender) => this.inbound.emit(platform, message, sender ? `${owner}/user/${sender.provenUser}` : owner),
    };
  }

  /** The process can do its work when any platform of it is as it is wanted to be; one that has none has nothing to fail. */
  private addProbes() {
    this.context.readiness.push({
      name: 'platforms',
      check: () => {
        const working = this.instances.filter(({ state }) => ['ready', 'degraded', 'disabled', 'suspended'].includes(state.lifecycle));
        const reasons = this.instances.map(({ name, state }) => `${name} is ${state.lifecycle}: ${state.reason}`);
        const up = working.length > 0 || this.instances.length === 0;
        const isOver = !up && this.instances.every(({ state }) => ['failed', 'needs-attention'].includes(state.lifecycle));
        return { up, reason: reasons.join('; '), isOver };
      },
    });
    for (const instance of this.instances) this.addFlowProbe(instance);
  }

  private addFlowProbe(instance: PlatformInstance) {
    this.context.flow.push({ name: instance.name, check: () => ({ up: instance.isFlowing(), reason: instance.state.reason }) });
  }
}
