import type { Answer, PluginHealth } from '@conductor/contracts';
import type { DependencyChange, PlatformContext, PlatformDefinition, PlatformPlugin, PlatformRequest, WebhookCall, WebhookReply } from '@conductor/platform-kit';
import { deliveryFailureOf, setupFailureOf } from './delivery-outcome';
import { type ClosureProof, Generation, type GenerationFigures } from './generation';
import { type Incident, Incidents } from './incidents';
import { MetricNames } from './process/metric-names';
import { OutputLog } from './process/output-log';
import { orAborted } from './process/or-aborted';
import { NotLoaded } from './process/process-pool';
import type { Sandbox } from './sandbox';
import type { GenerationSpec } from './spec';
import { parseWebhookReply } from './webhook-reply';

export interface SandboxedFigures {
  readonly platform: string;
  readonly plugin: string;
  /** The one that gets the messages first, then others that are still here. */
  readonly generations: GenerationFigures[];
  readonly incidents: ReturnType<Incidents['counts']>;
}

const CLOSE_DRAIN_MS = 2_000;

/**
 * A platform whose code runs in processes of its own, behind walls. To the Conductor it is a platform like those built in; the
 * plugin behind it may die, hang or lie without any harm but to itself. Generations come and go behind it between two messages.
 */
export class SandboxedPlatform implements PlatformPlugin {
  readonly incidents: Incidents;
  readonly output = new OutputLog();
  private readonly metricNames = new MetricNames();
  private context?: PlatformContext;
  private current?: Generation | undefined;
  private readonly open = new Set<Generation>();
  private poolSize?: number | undefined;
  /** Messages wait here while one session is handed over to the next. */
  private gate?: Promise<void> | undefined;

  /** @param spec the generation to begin with; `switchTo` changes it */
  constructor(
    private readonly sandbox: Sandbox,
    private spec: GenerationSpec,
    onIncident: (incident: Incident) => void = () => {},
  ) {
    this.incidents = new Incidents((incident) => {
      this.context?.logger.warn({ incident }, 'a plugin was stopped at a wall, or ended');
      onIncident(incident);
    });
  }

  /** How the Conductor is to run it. The same object is used at every start. */
  get definition(): PlatformDefinition {
    const { plugin, platform, settings, adoptsStorage = false } = this.spec;
    return {
      name: platform,
      plugin,
      adoptsStorage,
      create: () => this,
      config: {},
      concurrency: settings.concurrency * settings.instances,
      requestTimeoutMs: settings.requestTimeoutMs,
      attempts: settings.attempts,
      repeatable: settings.repeatable,
      pool: {
        most: settings.instances,
        view: () => this.current?.poolView() ?? { running: 0, most: settings.instances, rssMb: 0 },
        resize: (size) => this.resize(size),
      },
    };
  }

  /** Of every generation that is here, and of those to come. */
  private resize(poolSize: number | undefined): void {
    this.poolSize = poolSize;
    for (const generation of this.open) generation.resize(poolSize);
  }

  get generation(): Generation | undefined {
    return this.current;
  }

  async initialize(_config: unknown, context: PlatformContext): Promise<void> {
    this.context = context;
    try {
      this.current = await this.openGeneration(this.spec);
      if (this.spec.settings.load === 'eager') await this.current.load();
    } catch (error) {
      await this.shutdown();
      throw setupFailureOf(error);
    }
  }

  async healthCheck(signal: AbortSignal): Promise<PluginHealth> {
    return this.current ? this.current.check(signal) : { status: 'failed', reason: 'it is between two generations' };
  }

  async handleRequest(request: PlatformRequest, signal: AbortSignal): Promise<Answer> {
    try {
      return (await this.pass('request', request, signal)) as Answer;
    } catch (error) {
      throw deliveryFailureOf(error, this.spec.settings.repeatable);
    }
  }

  /** Hands a webhook to the plugin, which is loaded for it when it is not. @throws DeliveryFailure */
  async handleWebhook(call: WebhookCall, signal: AbortSignal): Promise<WebhookReply> {
    try {
      const answer = await this.pass('webhook', { ...call, body: Buffer.from(call.body).toString('base64') }, signal);
      const { reply, dropped } = parseWebhookReply(answer);
      if (dropped.length > 0) this.incidents.report('reply-header-dropped', `a reply to a webhook may not set ${dropped.sort().join(', ')}`, { generation: this.spec.id });
      return reply;
    } catch (error) {
      throw deliveryFailureOf(error, this.spec.settings.repeatable);
    }
  }

  /**
   * Tells the generation that serves that a plugin it depends on has changed. What its hook makes of it is written in its log and harms nothing.
   * @returns for a person, what became of it
   */
  async tell(change: DependencyChange): Promise<string> {
    const generation = this.current;
    if (!generation) return 'it does not run';
    const { told, failures } = await generation.tell(change);
    for (const failure of failures) {
      const text = `its hook dependencyChanged (${change.plugin} ${change.from} to ${change.to}) failed: ${failure}`;
      this.output.add({ at: Date.now(), stream: 'log', generation: generation.spec.id, pid: 0, text: `warn: ${text}` });
      this.context?.logger.warn({ change }, text);
    }
    if (failures.length > 0) return `its hook dependencyChanged failed: ${failures.join('; ')}`;
    return told > 0 ? 'it was told' : generation.isLoaded ? 'it does not ask to be told' : 'it has no process, and starts beside the new one';
  }

  async shutdown(): Promise<void> {
    delete this.current;
    const proofs = await Promise.all([...this.open].map((generation) => this.close(generation)));
    const leftovers = proofs.flatMap((proof) => proof.leftovers);
    if (leftovers.length > 0) throw new Error(`after its end there is still ${leftovers.join(', ')}`);
  }

  /** Opens another generation beside the one that serves. No code of it runs before `load`, `check` or `canary`. @throws WallsMissing */
  async openGeneration(spec: GenerationSpec): Promise<Generation> {
    const context = () => {
      if (!this.context) throw new Error('the platform is not initialized');
      return this.context;
    };
    const generation = await Generation.open(this.sandbox, spec, { context, incidents: this.incidents, output: this.output, metricNames: this.metricNames, poolSize: this.poolSize });
    this.open.add(generation);
    return generation;
  }

  /** One message to a generation that may not serve yet. @throws DeliveryFailure as `handleRequest` would */
  async canary(generation: Generation, request: PlatformRequest, signal: AbortSignal): Promise<Answer> {
    try {
      return (await generation.carryOut('request', request, signal)) as Answer;
    } catch (error) {
      throw deliveryFailureOf(error, generation.spec.settings.repeatable);
    }
  }

  /** From now on messages go to this generation. Those in hand stay where they are. @returns the one that served until now */
  switchTo(generation: Generation): Generation | undefined {
    if (!this.open.has(generation)) throw new Error(`generation ${generation.spec.id} is not open here`);
    const before = this.current;
    this.current = generation;
    this.spec = generation.spec;
    return before;
  }

  /**
   * For platforms that bear one session only: messages wait while the old generation finishes and closes and the new one connects.
   * When the new one does not come up, or `verify` finds it wanting, the old one is opened again, and the error says why.
   */
  async handOver(next: GenerationSpec, drainMs: number, verify: (generation: Generation) => Promise<void> = async () => {}): Promise<{ generation: Generation; proof?: ClosureProof | undefined; unfinished: number }> {
    let openGate!: () => void;
    this.gate = new Promise((resolve) => (openGate = resolve));
    const before = this.current;
    const previous = this.spec;
    try {
      const unfinished = (await before?.drain(drainMs)) ?? 0;
      const proof = before && (await this.close(before));
      try {
        const generation = await this.openLoaded(next);
        await verify(generation).catch(async (error: unknown) => {
          await this.close(generation);
          throw error;
        });
        this.switchTo(generation);
        return { generation, proof, unfinished };
      } catch (error) {
        if (before) {
          const again = await this.openGeneration(previous);
          this.switchTo(again);
          // It held its session before; messages go on waiting until it holds it again, or is known not to.
          if (previous.settings.load === 'eager') await again.load().catch(() => {});
        }
        throw error;
      }
    } finally {
      delete this.gate;
      openGate();
    }
  }

  async close(generation: Generation): Promise<ClosureProof> {
    await generation.drain(CLOSE_DRAIN_MS);
    const proof = await generation.close();
    this.open.delete(generation);
    return proof;
  }

  figures(): SandboxedFigures {
    const others = [...this.open].filter((generation) => generation !== this.current);
    return {
      platform: this.spec.platform,
      plugin: this.spec.plugin,
      generations: [...(this.current ? [this.current] : []), ...others].map((generation) => generation.figures()),
      incidents: this.incidents.counts(),
    };
  }

  private async openLoaded(spec: GenerationSpec): Promise<Generation> {
    const generation = await this.openGeneration(spec);
    try {
      await generation.load();
      return generation;
    } catch (error) {
      await this.close(generation);
      throw setupFailureOf(error);
    }
  }

  /** The generation counts the message in the very moment it is chosen, so that none slips into one that is about to close. */
  private async pass(hook: 'request' | 'webhook', input: unknown, signal: AbortSignal): Promise<unknown> {
    while (this.gate) {
      await orAborted(this.gate, signal).catch((error: unknown) => {
        throw new NotLoaded('its session was still being handed over when the time for the message was over', false, { cause: error });
      });
    }
    if (!this.current) throw new NotLoaded('the platform is not running', false);
    return this.current.carryOut(hook, input, signal);
  }
}
