import { hostname } from 'node:os';
import { QueueConsumer } from '@conductor/bus';
import type { PlatformDirectory, Presences, StartupPhases } from '@conductor/control';
import { type DesiredState, type HealthReport, type LifecycleState, platformQueue, type PluginHealth, type Presence } from '@conductor/contracts';
import type { AppContext } from '@conductor/http';
import type { Logger } from '@conductor/observability';
import { ResidentMemory } from '@conductor/platform-shell';
import type { Redis } from 'ioredis';
import { DeliveryHandler, type DeliveryPorts } from './delivery-handler';
import { type PlatformContext, type PlatformDefinition, type PlatformPlugin, withDefaults } from './platform-plugin';
import { isIdle, isServing, unwantedAs } from './lifecycle';
import { askHealth, load, shutDown, startUp } from './plugin-hooks';
import { SetupFailure } from './setup-failure';
import { StartAlone } from './start-alone';
import { FEWEST_SLOTS, Workers } from './workers';

export interface InstancePorts {
  context: AppContext;
  directory: PlatformDirectory;
  presences: Presences;
  phases: StartupPhases;
  deliveries: DeliveryPorts;
  platformContext: PlatformContext;
}

/**
 * One instance of one platform: a shell that is always here, and the platform in it, which comes and goes as it is wanted.
 * registered → (permit) → starting → ready ⇄ degraded; failed and needs-attention wait for another permit; disabled and suspended
 * for another wish.
 */
export class PlatformInstance {
  readonly id: string;
  readonly name: string;
  private readonly definition;
  private readonly logger: Logger;
  private readonly handler: DeliveryHandler;
  /** Of its worker, which waits on it for jobs. */
  private readonly waiting: Redis;
  private readonly consumer: QueueConsumer<ReturnType<typeof platformQueue>>;
  private readonly workers: Workers;
  private readonly memory = new ResidentMemory();
  private readonly startedAt = Date.now();
  private lifecycle: LifecycleState = 'registered';
  private reason = 'waiting for its turn to start';
  private plugin?: PlatformPlugin;
  private restarts = 0;
  private draining = false;
  /** Told by its process to end: no wish brings it back. */
  private retired = false;
  /** Changes of the platform happen one after the other. */
  private changes: Promise<void> = Promise.resolve();
  private beat?: NodeJS.Timeout;
  private readonly alone: StartAlone;
  private readonly leaving = new AbortController();
  private closing?: Promise<void>;
  private readonly offs: Array<() => void> = [];

  constructor(
    definition: PlatformDefinition,
    private readonly ports: InstancePorts,
  ) {
    const { context } = ports;
    this.definition = withDefaults(definition);
    this.id = ports.platformContext.instance;
    this.name = definition.name;
    this.logger = context.logger.child({ platform: definition.name, platformInstance: this.id });
    this.waiting = context.connections.forWorker();
    this.handler = new DeliveryHandler(this.definition, this.id, () => this.serving(), ports.deliveries);
    this.consumer = new QueueConsumer(platformQueue(definition.name), this.handler, {
      connection: this.waiting,
      namespace: context.connections.namespace,
      concurrency: Math.min(FEWEST_SLOTS, this.definition.concurrency),
      lockMs: context.config.messages.jobLockMs,
      logger: this.logger,
    });
    this.workers = new Workers(this.definition, this.handler, this.consumer);
    this.alone = new StartAlone(ports.phases, context.config.startup.retryBaseMs);
  }

  get state(): { lifecycle: LifecycleState; reason: string; limit: number; inFlight: number; lastCompletedAt: number } {
    return { lifecycle: this.lifecycle, reason: this.reason, limit: this.workers.limit, inFlight: this.handler.inFlight, lastCompletedAt: this.consumer.lastCompletedAt };
  }

  /** False when it should take work and does not: its worker stopped, or it holds messages and finishes none. */
  isFlowing(): boolean {
    if (!isServing(this.lifecycle)) return true;
    const stuckMs = this.definition.requestTimeoutMs * 2 + 5_000;
    const busyWithoutEnd = this.handler.inFlight >= this.workers.limit && Date.now() - Math.max(this.consumer.lastCompletedAt, this.startedAt) > stuckMs;
    return this.consumer.isRunning && !busyWithoutEnd;
  }

  observe(listener: DeliveryHandler['onOutcome']) {
    this.handler.onOutcome = (delivery, outcome, platformMs) => {
      this.workers.ended(outcome, platformMs);
      listener(delivery, outcome, platformMs);
    };
  }

  /** Its platform has just been let go, since it is not wanted. */
  onIdle: () => void = () => {};

  async open(): Promise<void> {
    const { notices, config } = this.ports.context;
    this.offs.push(
      notices.on('start-permit', ({ instance }) => {
        if (instance === this.id) void this.change(() => this.initialize());
      }),
      this.ports.directory.desired.onChange((platform, desired) => {
        if (platform === this.name) void this.change(() => this.follow(desired));
      }),
    );
    const desired = this.desired();
    this.restarts = desired?.restarts ?? 0;
    if (desired) await this.follow(desired);
    await this.report('arrived');
    this.beat = setInterval(() => void this.sayHere(), config.health.presenceTtlMs / 4).unref();
  }

  /** Other limits from now on, for a platform that goes on: its time-out, attempts, concurrency, whether it may be repeated. */
  redefine(definition: PlatformDefinition): void {
    Object.assign(this.definition, withDefaults(definition));
    this.workers.wish(this.desired());
  }

  /** Its platform is let go and nobody wants it back, so its process may end. */
  get mayEnd(): boolean {
    return isIdle(this.lifecycle) && (this.retired || unwantedAs(this.desired()) !== undefined);
  }

  /** Its process ends: whoever wants the platform from now on gets it from the process that comes after. */
  stayAway(): void {
    this.retired = true;
  }

  /** Takes no more work and finishes what is in hand, however long that takes, since its process is to end. */
  retire(reason: string): Promise<void> {
    return this.change(async () => {
      this.stayAway();
      if (!isIdle(this.lifecycle)) await this.stop('suspended', reason);
    });
  }

  /** Takes no more work, finishes what is in hand, lets the platform go. A second call waits for the first. */
  close(): Promise<void> {
    return (this.closing ??= this.closeOnce());
  }

  private async closeOnce(): Promise<void> {
    this.offs.forEach((off) => off());
    this.leaving.abort();
    await this.changes;
    this.handler.pause();
    await this.consumer.close();
    this.ports.context.connections.letGo(this.waiting);
    await this.letGo();
    // Until here: an instance that finishes its work is not silent.
    clearInterval(this.beat);
    await Promise.all([this.ports.presences.remove(this.id), this.announce('left')]).catch(() => {});
  }

  /** Answers a health check, beside the work. */
  async check(check: string, timeoutMs: number): Promise<HealthReport> {
    const health = await this.health(timeoutMs);
    this.follows(health);
    return {
      check, platform: this.name, instance: this.id, pid: process.pid, lifecycle: this.lifecycle, health, ...this.handler.counters,
      inFlight: this.handler.inFlight, limit: this.workers.limit, rssMb: this.memory.look().rssMb,
    };
  }

  private async health(timeoutMs: number): Promise<PluginHealth> {
    if (this.plugin && isServing(this.lifecycle)) return askHealth(this.plugin, timeoutMs);
    return { status: this.lifecycle === 'needs-attention' ? 'needs-attention' : 'failed', reason: this.reason };
  }

  /** A platform that finds itself degraded, or mended, says so between checks too. */
  private follows(health: PluginHealth) {
    if (this.lifecycle === 'ready' && health.status === 'degraded') this.become('degraded', health.reason ?? 'it says that it is degraded');
    else if (this.lifecycle === 'degraded' && health.status === 'ok') this.become('ready', 'it works again');
  }

  private async follow(desired: DesiredState) {
    this.workers.wish(desired);
    if (this.retired) return;
    const unwanted = unwantedAs(desired);
    const restart = desired.restarts > this.restarts;
    this.restarts = Math.max(this.restarts, desired.restarts);
    if (unwanted) {
      const reason = desired.suspended?.reason ?? desired.reason ?? 'switched off by an operator';
      if (this.lifecycle !== unwanted) await this.stop(unwanted, reason);
    } else if (restart || isIdle(this.lifecycle)) {
      await this.stop('registered', restart ? 'restarting, as an operator wished' : 'waiting for its turn to start');
      await this.announce('arrived');
    }
  }

  private async initialize() {
    if (isServing(this.lifecycle) || isIdle(this.lifecycle)) return;
    this.become('starting', 'initializing');
    try {
      const { giveUpMs } = this.ports.context.config.startup;
      this.plugin = await load(this.definition, giveUpMs, this.leaving.signal);
      const health = await startUp(this.plugin, this.definition, this.ports.platformContext, giveUpMs, this.leaving.signal);
      this.alone.succeeded();
      this.handler.resume();
      this.consumer.start();
      this.become(health.status === 'ok' ? 'ready' : 'degraded', health.reason ?? 'initialized and healthy');
    } catch (error) {
      await this.letGo();
      const attention = error instanceof SetupFailure && !error.retryable;
      this.logger.warn({ err: error }, 'the platform did not start');
      this.become(attention ? 'needs-attention' : 'failed', error instanceof Error ? error.message : String(error));
    }
  }

  private async stop(state: LifecycleState, reason: string) {
    this.handler.pause();
    // Wanted again before it has finished what it has in hand, it must not count as ready.
    this.draining = isIdle(state) && isServing(this.lifecycle);
    if (this.draining) void this.report('changed').catch(() => {});
    await this.consumer.pause();
    await this.letGo();
    this.draining = false;
    this.become(state, reason);
    if (isIdle(state)) this.onIdle();
  }

  private async letGo() {
    const { plugin } = this;
    if (!plugin) return;
    delete this.plugin;
    await shutDown(plugin).catch((error: unknown) => this.logger.warn({ err: error }, 'the platform did not shut down cleanly'));
  }

  private serving(): PlatformPlugin {
    if (!this.plugin) throw new Error(`${this.name} is ${this.lifecycle}`);
    return this.plugin;
  }

  private desired(): DesiredState | undefined {
    return this.ports.directory.desired.get(this.name);
  }

  private become(lifecycle: LifecycleState, reason: string) {
    const changed = this.lifecycle !== lifecycle;
    this.lifecycle = lifecycle;
    this.reason = reason;
    if (!changed) return;
    this.logger.info({ state: lifecycle, reason }, `${this.name} is ${lifecycle}`);
    void this.report('changed').catch(() => {});
  }

  private change(step: () => Promise<void>): Promise<void> {
    // Checked when its turn comes: a process that leaves starts nothing any more.
    this.changes = this.changes.then(() => (this.leaving.signal.aborted ? undefined : step())).catch((error: unknown) => this.logger.error({ err: error }, 'a change of the platform failed'));
    return this.changes;
  }

  private async sayHere() {
    await this.ports.presences.report(this.presence()).catch(() => {});
    if ((this.lifecycle !== 'registered' && this.lifecycle !== 'failed') || !(await this.alone.isDue())) return;
    this.logger.info('there is no conductor to give a permit; starting without');
    await this.change(() => this.initialize());
  }

  private async report(event: 'arrived' | 'changed') {
    // As it is now: by the time its presence is written it may have moved on, and that change says its own.
    const { lifecycle, reason } = this;
    await this.ports.presences.report(this.presence());
    await this.announce(event, lifecycle, reason);
  }

  private announce(event: 'arrived' | 'changed' | 'left', lifecycle = this.lifecycle, reason = this.reason) {
    return this.ports.context.notices.publish({ type: 'instance', platform: this.name, instance: this.id, event, lifecycle, reason });
  }

  private presence(): Presence {
    return {
      platform: this.name,
      instance: this.id,
      pid: process.pid,
      host: hostname(),
      app: this.ports.context.app,
      startedAt: this.startedAt,
      at: Date.now(),
      lifecycle: this.lifecycle,
      reason: this.reason,
      ...(this.draining && { draining: true }),
      ...this.workers.capacity,
      inFlight: this.handler.inFlight,
      ...this.memory.look(),
      requests: this.handler.counters.requests,
      errors: this.handler.counters.errors,
    };
  }
}
