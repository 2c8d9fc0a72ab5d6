import { type DeadLetters, type Ledger, linesOf, type QueueProducer } from '@conductor/bus';
import { type Delivery, expiresAt, type Failure, type inboundQueue, type Request, type TrailStep } from '@conductor/contracts';
import type { Logger } from '@conductor/observability';
import type { OutcomeWatch } from './outcome-watch';
import type { ParcelSender } from './parcel-sender';
import type { Choice, PlatformChooser } from './platform-chooser';

export interface DispatchPorts {
  chooser: PlatformChooser;
  sender: ParcelSender;
  inbound: QueueProducer<typeof inboundQueue>;
  watch: OutcomeWatch;
  ledger: Ledger;
  deadLetters: DeadLetters;
  logger: Logger;
  /** Name of this router, and of its reply inbox. */
  router: string;
}

/** What became of a message that was to be dispatched. */
export type Dispatched =
  | { state: 'queued'; platform: string }
  /** No candidate can take it; it waits in the queue of one that will. */
  | { state: 'held'; platform: string; reason: string }
  | { state: 'dead-lettered'; code: string; reason: string };

/** A pause between asking a broken platform again for messages that may wait. */
const SHORTEST_HOLD_MS = 1_000;

/** Sends an accepted message to the first candidate that can take it; with none, it waits where it may and dies where it may not. */
export class Dispatcher {
  constructor(private readonly ports: DispatchPorts) {}

  /** Decides where a message goes, before it is written down. */
  choose(candidates: readonly string[], kind: string): Promise<Choice> {
    return this.ports.chooser.choose(candidates, kind);
  }

  /** Steps of the trail that a choice amounts to. @param patient the message may wait */
  steps(rule: string, choice: Choice, patient = false): TrailStep[] {
    const at = Date.now();
    const passed = choice.passedOver.map(({ platform, why }): TrailStep => ({ at, step: 'passed-over', platform, rule, message: why }));
    if (choice.platform) return [...passed, { at, step: 'routed', platform: choice.platform, rule }];
    return patient ? [...passed, { at, step: 'held', message: 'no candidate can take it now; it waits for one that can' }] : passed;
  }

  /** Asks again for a message that was held. @throws RedisUnavailable */
  async sendHeld(request: Request, candidates: readonly string[]): Promise<void> {
    const choice = await this.choose(candidates, request.kind);
    if (await this.ports.ledger.move(request.id, 'queued', this.steps('held', choice, true))) await this.send(request, choice);
    else choice.admission?.settle('neutral');
  }

  /**
   * Sends a message whose id was made here, in one trip to Redis. One whose sender waits for the answer is written down by whoever takes
   * it up, since nobody can ask for it before; any other on the same trip.
   * @throws RedisUnavailable
   */
  async sendNew(request: Request, choice: Choice, steps: TrailStep[]): Promise<Dispatched> {
    if (choice.platform) return this.send(request, choice, [], steps);
    await this.ports.ledger.acceptNew([{ request, steps }]);
    return this.send(request, choice);
  }

  /** @throws RedisUnavailable */
  async send(request: Request, choice: Choice, tried: string[] = [], unwritten?: TrailStep[]): Promise<Dispatched> {
    const { sender, watch } = this.ports;
    if (!choice.platform) return this.withoutCandidate(request, choice, tried);
    const writtenByWorker = unwritten !== undefined && request.waitFor === 'answer';
    const delivery = { ...this.delivery(request, choice.platform, choice.fallbacks, tried), ...(writtenByWorker && { unwritten: linesOf(unwritten) }) };
    if (choice.admission) watch.watch(request.id, choice.platform, choice.admission, expiresAt(request));
    try {
      await sender.send(delivery, writtenByWorker ? undefined : unwritten);
    } catch (error) {
      watch.forget(request.id);
      throw error;
    }
    return { state: 'queued', platform: choice.platform };
  }

  private async withoutCandidate(request: Request, choice: Choice, tried: string[]): Promise<Dispatched> {
    const { chooser, sender, inbound } = this.ports;
    const reason = choice.passedOver.map(({ platform, why }) => `${platform}: ${why}`).join('; ') || 'no platform is left to try';
    const known = choice.passedOver.filter(({ platform }) => chooser.isKnown(platform));
    const [patient] = known;
    if (request.waitFor === 'answer' || tried.length > 0 || !patient) return this.bury(request, 'platform-unavailable', reason, choice.passedOver.at(-1)?.platform);

    const candidates = known.map(({ platform }) => platform);
    const broken = known.find(({ retryAt }) => retryAt !== undefined);
    if (broken) {
      // Its breaker is open while its instances run: it must not be found in their queue, but be asked for again here.
      const delayMs = Math.max(SHORTEST_HOLD_MS, (broken.retryAt ?? 0) - Date.now());
      await inbound.add(`held-${request.id}-${Date.now()}`, { items: [{ type: 'held', request, candidates }] }, { delayMs });
      return { state: 'held', platform: broken.platform, reason };
    }
    // Nobody serves it now; whoever will finds it waiting.
    await sender.send(this.delivery(request, patient.platform, candidates.slice(1), tried));
    return { state: 'held', platform: patient.platform, reason };
  }

  /** Ends a message with a reason, where people can find it. @throws RedisUnavailable */
  async bury(request: Request, code: string, reason: string, platform?: string): Promise<Extract<Dispatched, { state: 'dead-lettered' }>> {
    const { ledger, deadLetters, router, logger } = this.ports;
    const at = Date.now();
    const record = await ledger.outline(request.id);
    if (!record) await ledger.accept(request, []);
    await deadLetters.add({ id: request.id, request, ...(platform && { platform }), code, reason, at, by: router, attempts: record?.trail ?? [], trace: request.trace });
    if (request.replyTo && 'platform' in request.replyTo) await this.ports.inbound.add(`failed-${request.id}`, { items: [{ type: 'failed', request, code, reason }] });
    const outcome: Failure = { result: 'never', code, message: reason, class: 'overload' };
    const reply = { id: request.id, platform: platform ?? '', instance: router, kind: request.kind, outcome, state: 'dead-lettered', final: true, queuedMs: 0, platformMs: 0 };
    const replies = request.replyTo && 'inbox' in request.replyTo ? [{ inbox: request.replyTo.inbox, reply }] : [];
    const first = await ledger.settle(request, { state: 'dead-lettered', code, reason, platform }, { at, step: 'dead-lettered', code, message: reason, ...(platform && { platform }) }, { replies });
    if (first) logger.warn({ request: request.id, trace: request.trace, code, reason }, 'a message was dead-lettered');
    return { state: 'dead-lettered', code, reason };
  }

  /**
   * Ends a message whose deadline is over, unless its platform has it in hand: then the platform's end stands.
   * @param steps its first steps, should nobody have written it down yet
   * @returns whether it was ended
   */
  async expire(request: Request, reason: string, platform: string | undefined, steps: TrailStep[]): Promise<boolean> {
    const { ledger, deadLetters, router } = this.ports;
    const code = 'deadline-exceeded';
    const at = Date.now();
    const record = await ledger.outline(request.id);
    if (record?.state === 'active' || record?.state === 'answered') return false;
    if (!record) await ledger.accept(request, steps);
    const trail = record?.trail ?? steps;
    await deadLetters.add({ id: request.id, request, ...(platform && { platform }), code, reason, at, by: router, attempts: trail, trace: request.trace });
    const ended = await ledger.settle(request, { state: 'dead-lettered', code, reason, platform }, { at, step: 'expired', code, message: reason, ...(platform && { platform }) }, { condition: 'unless-active' });
    if (!ended && (await ledger.state(request.id)) !== 'dead-lettered') await deadLetters.remove(request.id);
    return ended;
  }

  private delivery(request: Request, platform: string, fallbacks: string[], tried: string[]): Delivery {
    return { request, platform, attempt: 1, fallbacks, tried, inbox: this.ports.router, dispatchedAt: Date.now() };
  }
}
