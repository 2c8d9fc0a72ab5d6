import { randomUUID } from 'node:crypto';
import { DeadLetters, Ledger, QueueProducer, ReplyInbox } from '@conductor/bus';
import type { Config } from '@conductor/config';
import {
  type ControlNotice, type DeadLetter, type Delivery, HealthReport, type InboundItem, inboundQueue, isSettled, Parcel, platformQueue, type Reply, type Request, type RequestRecord,
} from '@conductor/contracts';
import { PlatformDirectory, Presences, StartupPhases } from '@conductor/control';
import type { AppContext } from '@conductor/http';
import type { Redis } from 'ioredis';
import { openTestContext } from './context';
import { until } from './until';

type InstanceNotice = Extract<ControlNotice, { type: 'instance' }>;

/**
 * Stands where the router, the conductor and the health monitor stand, to test platforms alone: sends messages, gives permits to
 * start, asks for health, and sees what comes back.
 */
export class RouterDouble {
  /** Every reply, in the order of arrival. */
  readonly replies: Reply[] = [];
  /** What instances said of themselves. */
  readonly heard: InstanceNotice[] = [];
  readonly ledger: Ledger;
  readonly letters: DeadLetters;
  readonly directory: PlatformDirectory;
  readonly presences: Presences;
  private readonly inbox: ReplyInbox;
  private readonly producers = new Map<string, QueueProducer<ReturnType<typeof platformQueue>>>();
  private readonly inboundJobs: QueueProducer<typeof inboundQueue>;
  private readonly phases: StartupPhases;
  private phaseBeat?: NodeJS.Timeout;

  private constructor(
    readonly context: AppContext,
    private readonly producing: Redis,
    permits: boolean,
  ) {
    const { connections, config, logger, notices } = context;
    this.ledger = new Ledger(connections.commands, connections.namespace, config.messages);
    this.letters = new DeadLetters(producing, connections.namespace);
    this.directory = new PlatformDirectory(connections, notices, logger);
    this.presences = new Presences(connections);
    this.inbox = new ReplyInbox(connections, this.ledger, context.instance, logger);
    this.inboundJobs = new QueueProducer(inboundQueue, producing, connections.namespace);
    this.phases = new StartupPhases(connections, notices);
    this.inbox.observe((reply) => this.replies.push(reply));
    notices.on('instance', (notice) => {
      this.heard.push(notice);
      if (permits && notice.event === 'arrived') void this.permit(notice.platform, notice.instance);
    });
  }

  /**
   * @param options.permits every instance that arrives may start at once
   * @param options.conductor there is a conductor, so that instances wait for its permit instead of starting by themselves
   */
  static async open(config: Config, { permits = true, conductor = true } = {}): Promise<RouterDouble> {
    const context = await openTestContext('router', config);
    const producing = context.connections.forProducer();
    // A BullMQ queue that is made before its connection is up fails every call from then on.
    await context.connections.untilReady();
    const double = new RouterDouble(context, producing, permits);
    await Promise.all([double.inbox.open(), double.directory.open()]);
    if (conductor) await double.actAsConductor();
    return double;
  }

  private async actAsConductor() {
    await this.phases.announce('open', false);
    this.phaseBeat = setInterval(() => void this.phases.announce('open', false).catch(() => {}), 2_000).unref();
  }

  permit(platform: string, instance: string): Promise<void> {
    return this.context.notices.publish({ type: 'start-permit', platform, instance });
  }

  /** Writes messages down, unless they bring their first steps, and puts them on a platform's queue as one parcel. @returns their ids */
  async sendParcel(platform: string, messages: Array<Partial<Request>>, more: Partial<Delivery> = {}): Promise<string[]> {
    const requests = messages.map((message): Request => ({
      id: `m-${randomUUID()}`, source: 'test', kind: 'message', content: 'hello', deadlineMs: 5_000, waitFor: 'acceptance', receivedAt: Date.now(), trace: randomUUID(), replyTo: { inbox: this.inbox.name }, ...message,
    }));
    if (more.unwritten === undefined) for (const request of requests) await this.ledger.accept(request, [{ at: Date.now(), step: 'accepted' }]);
    const deliveries = requests.map((request): Delivery => ({ request, platform, attempt: 1, fallbacks: [], tried: [], inbox: this.inbox.name, dispatchedAt: Date.now(), ...more }));
    await this.producer(platform).add(`p-${randomUUID()}`, Parcel.parse({ deliveries }));
    return requests.map(({ id }) => id);
  }

  /** Sends one message. @returns its id */
  async send(platform: string, message: Partial<Request> = {}, more: Partial<Delivery> = {}): Promise<string> {
    const [id] = await this.sendParcel(platform, [message], more);
    return id!;
  }

  /** Sends one message and waits for its end. */
  async ask(platform: string, message: Partial<Request> = {}, more: Partial<Delivery> = {}): Promise<RequestRecord> {
    return this.settled(await this.send(platform, message, more));
  }

  /** The message's record once it is answered, dead-lettered or discarded. */
  settled(id: string, timeoutMs = 15_000): Promise<RequestRecord> {
    return until(async () => {
      const record = await this.ledger.read(id);
      if (!record || !isSettled(record.state)) throw new Error(`${id} is ${record?.state ?? 'unknown'} after ${JSON.stringify(record?.trail)}`);
      return record;
    }, timeoutMs);
  }

  repliesTo(id: string): Reply[] {
    return this.replies.filter((reply) => reply.id === id);
  }

  letter(id: string): Promise<DeadLetter | undefined> {
    return this.letters.get(id);
  }

  /** What platforms have put on the inbound queue. */
  async inbound(): Promise<InboundItem[]> {
    const jobs = await this.inboundJobs.queue.getJobs(['waiting', 'delayed', 'active']);
    return jobs.flatMap((job) => (job.data as { items: InboundItem[] }).items);
  }

  producer(platform: string): QueueProducer<ReturnType<typeof platformQueue>> {
    let producer = this.producers.get(platform);
    if (!producer) this.producers.set(platform, (producer = new QueueProducer(platformQueue(platform), this.producing, this.context.connections.namespace)));
    return producer;
  }

  /** Waits until an instance of the platform is in a state. @returns what it says of itself */
  async untilState(platform: string, lifecycle: string, timeoutMs = 10_000) {
    return until(async () => {
      const presences = (await this.presences.all()).filter((presence) => presence.platform === platform);
      const found = presences.find((presence) => presence.lifecycle === lifecycle);
      if (!found) throw new Error(`${platform} is ${presences.map((presence) => `${presence.lifecycle} (${presence.reason})`).join(', ') || 'not here'}, not ${lifecycle}`);
      return found;
    }, timeoutMs);
  }

  /** Asks every instance how it is. @returns the reports that came within the time */
  async check({ expected = 1, timeoutMs = 1_000 } = {}): Promise<HealthReport[]> {
    const { connections } = this.context;
    const inbox = `${connections.namespace}:test-health:${randomUUID()}`;
    const reports: HealthReport[] = [];
    const receive = (channel: string, text: string) => {
      if (channel === inbox) reports.push(...HealthReport.array().parse(JSON.parse(text)));
    };
    connections.subscriber.on('message', receive);
    await connections.subscriber.subscribe(inbox);
    try {
      await connections.commands.publish(`${connections.namespace}:checks`, JSON.stringify({ check: 'test', inbox, at: Date.now(), timeoutMs }));
      await until(() => {
        if (reports.length < expected) throw new Error(`${reports.length} of ${expected} health reports came`);
      }, timeoutMs + 500);
      return reports;
    } finally {
      connections.subscriber.off('message', receive);
      await connections.subscriber.unsubscribe(inbox);
    }
  }

  async close(): Promise<void> {
    clearInterval(this.phaseBeat);
    this.directory.close();
    await this.inbox.close();
    await Promise.all([...this.producers.values(), this.inboundJobs, this.letters].map((producer) => producer.close()));
    await this.context.resources.drain();
  }
}
