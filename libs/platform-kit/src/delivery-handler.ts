import { randomUUID } from 'node:crypto';
import { type AddressedReply, type Claim, type DeadLetters, type JobContext, type JobHandler, type Ledger, linesOf, type QueueProducer, type ReplySender, stepsOf } from '@conductor/bus';
import {
  answerIdOf, type Delivery, expiresAt, type Failure, type InboundItem, isSettled, type Outcome, Parcel, type platformQueue, type Request, type RequestState, type TrailStep,
} from '@conductor/contracts';
import type { Logger } from '@conductor/observability';
import { attempt } from './attempt';
import { BoundedPool } from './bounded-pool';
import type { PlatformDefinition, PlatformPlugin, withDefaults } from './platform-plugin';

type Definition = ReturnType<typeof withDefaults<unknown>> & PlatformDefinition;

export interface DeliveryPorts {
  ledger: Ledger;
  deadLetters: DeadLetters;
  replies: ReplySender;
  /** Back to the routers: answers that travel as messages, failures with fallbacks left. */
  inbound: { add(item: InboundItem): Promise<void> };
  /** The platform's own queue, for what is tried again later. */
  again: QueueProducer<ReturnType<typeof platformQueue>>;
  logger: Logger;
}

/** Totals since the instance started. */
export interface DeliveryCounters {
  requests: number;
  errors: number;
  abandoned: number;
}

const FIRST_BACK_OFF_MS = 1_000;
const LONGEST_BACK_OFF_MS = 30_000;

/** Outcomes remembered while Redis cannot take them; the eldest go first. */
const REMEMBERED_OUTCOMES = 1_000;

/** How one attempt ended, and the times it took. */
interface End {
  outcome: Outcome;
  queuedMs: number;
  platformMs: number;
}

/**
 * Carries out what the platform's queue brings. For each message: claim it, ask the platform within the deadline, settle it.
 *
 * A job ends only when all that follows from its outcomes is put down, so a crash in between brings the job again and loses
 * nothing. Where the message goes on (tried again, rerouted), the ledger lets go of it first: whoever takes it next must not find
 * it in our hands and pass it by. Where it ends (answer, dead letter), the ledger comes last, since nothing repeats a settled one.
 */
export class DeliveryHandler implements JobHandler<ReturnType<typeof platformQueue>> {
  readonly counters: DeliveryCounters = { requests: 0, errors: 0, abandoned: 0 };
  private readonly pool: BoundedPool;
  private paused = false;
  /** Outcomes that could not be put down, by job and message: they are known, so nobody has to ask the platform again. */
  private readonly unsettled = new Map<string, End>();
  onOutcome: (delivery: Delivery, outcome: Outcome, platformMs: number) => void = () => {};

  constructor(
    private readonly definition: Definition,
    private readonly instance: string,
    private readonly plugin: () => PlatformPlugin,
    private readonly ports: DeliveryPorts,
  ) {
    this.pool = new BoundedPool(definition.concurrency);
  }

  get inFlight(): number {
    return this.pool.inFlight;
  }

  /** Messages in hand at once; may change while running. */
  set concurrency(messages: number) {
    if (messages !== this.pool.size) this.pool.size = messages;
  }

  /** Messages of a parcel that are not begun yet are handed back to the queue instead. */
  pause() {
    this.paused = true;
  }

  resume() {
    this.paused = false;
  }

  async handle({ deliveries }: Parcel, job: JobContext): Promise<void> {
    const handedBack: Delivery[] = [];
    const takeOn = async (delivery: Delivery) => {
      if (this.paused) handedBack.push(delivery);
      else await this.deliver(delivery, job);
    };
    const once = new Map(deliveries.map((delivery) => [delivery.request.id, delivery]));
    const ends = await Promise.allSettled([...once.values()].map((delivery) => this.pool.run(() => takeOn(delivery))));
    if (handedBack.length > 0) await this.ports.again.add(`back-${randomUUID()}`, { deliveries: handedBack });
    const broken = ends.find((end) => end.status === 'rejected');
    // The job comes again; messages that are settled are recognised by the ledger.
    if (broken) throw broken.reason;
  }

  async giveUp(data: unknown, jobId: string, code: string, reason: string): Promise<void> {
    const parcel = Parcel.safeParse(data);
    if (!parcel.success) {
      this.ports.logger.error({ job: jobId, reason }, 'a job that is no parcel of messages is dropped; only a foreign program can have put it there');
      return;
    }
    for (const delivery of parcel.data.deliveries) {
      const state = await this.ports.ledger.state(delivery.request.id);
      if (state && isSettled(state)) continue;
      await this.bury(delivery, code, reason, 0, 0);
    }
  }

  private async deliver(delivery: Delivery, job: JobContext): Promise<void> {
    // Before anything is claimed: with no platform here, the message has not been begun.
    const plugin = this.plugin();
    const startedAt = Date.now();
    const started: TrailStep = { at: startedAt, step: 'started', platform: this.definition.name, instance: this.instance, attempt: delivery.attempt };

    const request = delivery.request.claimCheck ? await this.ports.ledger.bodies.whole(delivery.request) : delivery.request;
    const asking = request && this.isUncontested(delivery, job, startedAt) ? this.ask(plugin, delivery, request, startedAt) : undefined;
    const end = asking && (await Promise.race([asking, endOfTurn()]));
    if (end?.outcome.result === 'done') return this.settleFor(delivery, job, end, started);

    const claim = await this.claim(delivery, job, started, asking);
    if (claim === 'settled' || claim === 'elsewhere') return void (await asking);
    if (asking) return this.settleFor(delivery, job, await asking);
    const known = this.unsettled.get(endKey(delivery, job));
    if (known) return this.settleFor(delivery, job, known);

    const queuedMs = queuedUntil(startedAt, delivery);
    const expires = expiresAt(delivery.request);
    if (claim === 'interrupted' && !this.definition.repeatable) return this.settle(delivery, { outcome: INTERRUPTED, queuedMs, platformMs: 0 });
    if (expires !== undefined && expires <= startedAt) return this.bury(delivery, 'deadline-exceeded', `its turn at ${this.definition.name} came ${startedAt - delivery.request.receivedAt} ms after it was received, past its deadline of ${delivery.request.deadlineMs} ms`, queuedMs, 0);
    if (!request) return this.bury(delivery, 'content-expired', 'its content was too large to travel along, and is no longer kept: it waited too long. Send it again', queuedMs, 0);
    return this.settleFor(delivery, job, await this.ask(plugin, delivery, request, startedAt));
  }

  /**
   * Nobody but this job can have the message, and if the job comes again the platform may be asked again: so it need not be claimed
   * before its platform is asked. One that is answered at once is written down with its answer, any other while the platform is at it.
   */
  private isUncontested({ unwritten, request }: Delivery, { redelivered }: JobContext, now: number): boolean {
    const expires = expiresAt(request);
    return unwritten !== undefined && this.definition.repeatable && !redelivered && (expires === undefined || expires - now > FAR_FROM_DEADLINE_MS);
  }

  private async claim(delivery: Delivery, job: JobContext, started: TrailStep, asking: Promise<End> | undefined): Promise<Claim> {
    try {
      return await this.ports.ledger.claim(delivery.request, job.jobId, this.definition.name, started, delivery.unwritten);
    } catch (error) {
      if (asking) this.remember(endKey(delivery, job), await asking);
      throw error;
    }
  }

  /** Never rejects: whatever the platform does is an outcome. @param request with its whole content */
  private async ask(plugin: PlatformPlugin, delivery: Delivery, request: Request, startedAt: number): Promise<End> {
    const expires = expiresAt(delivery.request);
    const budgetMs = Math.max(1, Math.min(this.definition.requestTimeoutMs, expires === undefined ? Infinity : expires - startedAt));
    const { outcome, platformMs, abandoned } = await attempt(plugin, { ...request, attempt: delivery.attempt }, budgetMs, this.definition.repeatable);

    const { id, trace } = delivery.request;
    this.ports.logger.debug({ request: id, trace, platform: this.definition.name, instance: this.instance, attempt: delivery.attempt, result: outcome.result, ms: Math.round(platformMs) }, 'the platform was asked');
    this.counters.requests++;
    if (abandoned) this.counters.abandoned++;
    if (isError(outcome)) this.counters.errors++;
    this.onOutcome(delivery, outcome, platformMs);
    return { outcome, queuedMs: queuedUntil(startedAt, delivery), platformMs };
  }

  /** Remembers the outcome until it is put down: Redis may be away just now, and the job then comes again. */
  private async settleFor(delivery: Delivery, job: JobContext, end: End, unclaimed?: TrailStep): Promise<void> {
    const key = endKey(delivery, job);
    this.remember(key, end);
    await this.settle(delivery, end, unclaimed);
    this.unsettled.delete(key);
  }

  private remember(key: string, end: End) {
    this.unsettled.set(key, end);
    if (this.unsettled.size > REMEMBERED_OUTCOMES) this.unsettled.delete(this.unsettled.keys().next().value!);
  }

  private async settle(delivery: Delivery, { outcome, queuedMs, platformMs }: End, unclaimed?: TrailStep): Promise<void> {
    switch (outcome.result) {
      case 'done':
        return this.answer(delivery, outcome, queuedMs, platformMs, unclaimed);
      case 'retry':
        return delivery.attempt < this.definition.attempts
          ? this.again(delivery, outcome, backOff(delivery.attempt), { attempt: delivery.attempt + 1 }, queuedMs, platformMs)
          : this.failed(delivery, outcome, queuedMs, platformMs);
      case 'not-now':
        return this.again(delivery, outcome, outcome.delayMs, {}, queuedMs, platformMs);
      case 'never':
        return this.failed(delivery, outcome, queuedMs, platformMs);
      case 'unknown':
        // No fallback: it may have been carried out here already.
        return this.bury(delivery, outcome.code, outcome.message, queuedMs, platformMs, outcome);
    }
  }

  /** @param unclaimed its start, of a message that was not claimed before */
  private async answer(delivery: Delivery, outcome: Extract<Outcome, { result: 'done' }>, queuedMs: number, platformMs: number, unclaimed?: TrailStep) {
    const { request, unwritten } = delivery;
    const { name } = this.definition;
    const { ledger } = this.ports;
    const { answer, claimCheck } = await ledger.checkInAnswer(request, outcome.answer);
    if (request.replyTo && 'platform' in request.replyTo) {
      // As a message it has a content of its own.
      const message = claimCheck ? await ledger.checkIn({ ...request, id: answerIdOf(request.id), content: outcome.answer }) : undefined;
      await this.ports.inbound.add({ type: 'answer', request, answer, ...(message?.claimCheck && { claimCheck: message.claimCheck }) });
    }
    const step: TrailStep = { at: Date.now(), step: 'answered', platform: name, instance: this.instance, attempt: delivery.attempt, platformMs };
    const replies = this.replies(delivery, { result: 'done', answer, ...(claimCheck && { claimCheck }) }, 'answered', true, queuedMs, platformMs);
    const begun = unclaimed && `${unwritten}\n${linesOf([unclaimed])}`;
    await ledger.settle(request, { state: 'answered', answer, ...(claimCheck && { answerClaimCheck: claimCheck }), platform: name, instance: this.instance, queuedMs, platformMs }, step, { replies, ...(begun !== undefined && { unwritten: begun }) });
  }

  private async again(delivery: Delivery, failure: Failure, delayMs: number, change: Partial<Delivery>, queuedMs: number, platformMs: number) {
    const expires = expiresAt(delivery.request);
    if (expires !== undefined && Date.now() + delayMs >= expires) return this.failed(delivery, failure, queuedMs, platformMs);
    const next: Delivery = { ...delivery, ...change, unwritten: undefined, dispatchedAt: Date.now() + delayMs };
    const postponed = failure.result === 'not-now';
    const moved = await this.ports.ledger.move(delivery.request.id, 'waiting', [{ ...this.failureStep(delivery, failure, platformMs), step: postponed ? 'postponed' : 'retry', message: `${failure.message}; again in ${Math.round(delayMs)} ms` }]);
    if (!moved) return;
    await this.ports.again.add(`${delivery.request.id}.${next.attempt}.${Date.now()}`, { deliveries: [next] }, { delayMs });
    this.tell(delivery, failure, 'waiting', false, queuedMs, platformMs);
  }

  /** Given up here. A fallback may still do it. */
  private async failed(delivery: Delivery, failure: Failure, queuedMs: number, platformMs: number) {
    const { request, fallbacks } = delivery;
    if (fallbacks.length === 0) return this.bury(delivery, failure.code, failure.message, queuedMs, platformMs, failure);
    const tried = [...delivery.tried, this.definition.name];
    const moved = await this.ports.ledger.move(request.id, 'rerouting', [this.failureStep(delivery, failure, platformMs)]);
    if (!moved) return;
    await this.ports.inbound.add({ type: 'reroute', request, fallbacks, tried });
    this.tell(delivery, failure, 'rerouting', false, queuedMs, platformMs);
  }

  private async bury(delivery: Delivery, code: string, reason: string, queuedMs: number, platformMs: number, failure?: Failure) {
    const { request } = delivery;
    const { name } = this.definition;
    const outcome: Failure = failure ?? { result: 'never', code, message: reason, class: code === 'deadline-exceeded' ? 'overload' : 'error' };
    const last: TrailStep = { ...this.failureStep(delivery, outcome, platformMs), step: outcome.result === 'unknown' ? 'unknown' : 'failed' };
    const before = await this.ports.ledger.outline(request.id);
    // Given up before anybody took it up.
    const begun = stepsOf(delivery.unwritten ?? '');
    if (!before) await this.ports.ledger.accept(request, begun);
    const at = Date.now();
    await this.ports.deadLetters.add({ id: request.id, request, platform: name, code, reason, at, by: this.instance, attempts: [...(before?.trail ?? begun), last], trace: request.trace });
    if (request.replyTo && 'platform' in request.replyTo) await this.ports.inbound.add({ type: 'failed', request, code, reason });
    const replies = this.replies(delivery, outcome, 'dead-lettered', true, queuedMs, platformMs);
    const first = await this.ports.ledger.settle(request, { state: 'dead-lettered', code, reason, platform: name, instance: this.instance, queuedMs, platformMs }, { ...last, at, step: 'dead-lettered' }, { replies });
    if (first) this.ports.logger.warn({ request: request.id, trace: request.trace, code, reason }, 'a message was dead-lettered');
  }

  private failureStep(delivery: Delivery, failure: Failure, platformMs: number): TrailStep {
    return { at: Date.now(), step: 'failed', platform: this.definition.name, instance: this.instance, attempt: delivery.attempt, code: failure.code, message: failure.message, platformMs };
  }

  private tell(...ended: Parameters<DeliveryHandler['replies']>) {
    for (const { inbox, reply } of this.replies(...ended)) this.ports.replies.send(inbox, reply);
  }

  /** For the one who waits, and for the router that sent it and counts how it ended. */
  private replies(delivery: Delivery, outcome: Outcome, state: RequestState, final: boolean, queuedMs: number, platformMs: number): AddressedReply[] {
    const { request, inbox } = delivery;
    const asker = request.replyTo && 'inbox' in request.replyTo ? request.replyTo.inbox : undefined;
    const reply = { id: request.id, platform: this.definition.name, instance: this.instance, kind: request.kind, outcome, state, final, queuedMs, platformMs };
    if (asker === inbox) return [{ inbox, reply }];
    const counted: AddressedReply = { inbox, reply: outcome.result === 'done' ? { ...reply, outcome: { result: 'done', answer: {} } } : reply };
    return asker === undefined ? [counted] : [{ inbox: asker, reply }, counted];
  }
}

const INTERRUPTED: Outcome = {
  result: 'unknown',
  code: 'outcome-unknown',
  class: 'error',
  message: 'the process that was carrying it out died before it could say how it ended; it may or may not have been carried out',
};

/** Nobody ends a message as late before it is seen to be in hand here: that takes a turn of this process and a trip to Redis. */
const FAR_FROM_DEADLINE_MS = 1_000;

const queuedUntil = (startedAt: number, { dispatchedAt }: Delivery) => Math.max(0, startedAt - dispatchedAt);

/** Resolves, with nothing, when all that is ready by now has run. */
const endOfTurn = (): Promise<undefined> => (turn ??= new Promise((resolve) => setImmediate(() => resolve((turn = undefined)))));
let turn: Promise<undefined> | undefined;

const endKey = (delivery: Delivery, job: JobContext) => `${job.jobId}/${delivery.request.id}`;
/** A platform that refuses a bad message works; one that is busy does too. */
const isError = (outcome: Outcome) => outcome.result !== 'done' && outcome.result !== 'not-now' && outcome.class !== 'rejected';

const backOff = (attempts: number) => Math.min(FIRST_BACK_OFF_MS * 2 ** (attempts - 1), LONGEST_BACK_OFF_MS) * (0.5 + Math.random() / 2);
