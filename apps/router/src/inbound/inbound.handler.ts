import { randomUUID } from 'node:crypto';
import type { DeadLetters, JobContext, JobHandler, Ledger } from '@conductor/bus';
import { answerIdOf, chosenIdOf, type DataOf, failureIdOf, type InboundItem, inboundQueue, type Request, type TrailStep } from '@conductor/contracts';
import type { Logger } from '@conductor/observability';
import type { Dispatcher } from '../dispatch/dispatcher';
import type { RoutePlanner } from '@conductor/routing';

/** Codes of plugins may be anything. */
const STABLE_CODE = /^[a-z][a-z0-9-]{0,63}$/;

type Item<T extends InboundItem['type']> = Extract<InboundItem, { type: T }>;

/** Takes what adapters, platforms and operators put on the inbound queue. Every step may be repeated without harm. */
export class InboundHandler implements JobHandler<typeof inboundQueue> {
  constructor(
    private readonly planner: RoutePlanner,
    private readonly dispatcher: Dispatcher,
    private readonly ledger: Ledger,
    private readonly deadLetters: DeadLetters,
    private readonly logger: Logger,
  ) {}

  /** Hears how many items each job held. */
  onJob: (items: number) => void = () => {};

  async handle({ items }: DataOf<typeof inboundQueue>, { redelivered }: JobContext): Promise<void> {
    this.onJob(items.length);
    const ends = await Promise.allSettled(items.map((item) => this.take(item, redelivered)));
    const broken = ends.find((end) => end.status === 'rejected');
    if (broken) throw broken.reason;
  }

  async giveUp(data: unknown, jobId: string, code: 'stalled-out' | 'invalid-data', reason: string): Promise<void> {
    const parsed = inboundQueue.data.safeParse(data);
    if (!parsed.success) return this.logger.error({ job: jobId, reason }, 'an inbound job of unknown shape is dropped; only a foreign program can have put it there');
    for (const item of parsed.data.items) {
      // What just came in and was not written down yet may have chosen an id that is another's.
      const accepted = item.type === 'request' && item.request.keyed ? await this.ledger.accept(item.request, [], 'chosen') : undefined;
      if (accepted && !accepted.fresh && !accepted.sameContent) await this.refuseTakenId(item.request);
      else await this.dispatcher.bury({ ...item.request, id: accepted?.id ?? item.request.id }, code, reason);
    }
  }

  private take(item: InboundItem, redelivered: boolean): Promise<unknown> {
    this.logger.debug({ request: item.request.id, trace: item.request.trace, item: item.type }, 'an inbound item is taken');
    switch (item.type) {
      case 'request':
        return this.request(item.request, redelivered);
      case 'answer':
        return this.answer(item, redelivered);
      case 'failed':
        return this.failed(item, redelivered);
      case 'reroute':
        return this.reroute(item);
      case 'held':
        return this.dispatcher.sendHeld(item.request, item.candidates);
      case 'redrive':
        return this.redrive(item);
    }
  }

  private async request(request: Request, redelivered: boolean) {
    const plan = this.planner.plan(request);
    const choice = await this.dispatcher.choose([plan.target, ...plan.fallbacks], request.kind);
    const steps: TrailStep[] = [{ at: request.receivedAt, step: 'accepted' }, ...this.dispatcher.steps(plan.rule, choice, request.waitFor === 'acceptance')];
    // Its id was made for this item, and the item comes for the first time.
    if (request.keyed === false && !redelivered) return this.dispatcher.sendNew(request, choice, steps);
    const accepted = await this.ledger.accept(request, steps, request.keyed ? 'chosen' : 'repeated');
    // A repeated item whose first round broke off between the ledger and the queue is sent again; the ledger drops doubles.
    const unsent = !accepted.fresh && redelivered && accepted.state === 'queued';
    if (accepted.fresh || unsent) return this.dispatcher.send({ ...request, id: accepted.id }, choice);
    choice.admission?.settle('neutral');
    // Another content under an id that was used: nobody will carry it out.
    if (request.claimCheck && (await this.ledger.outline(request.id))?.request.claimCheck?.digest !== request.claimCheck.digest) await this.ledger.bodies.remove(request);
    return accepted.sameContent ? undefined : this.refuseTakenId(request);
  }

  /** Its sender used the id for another message before: nothing becomes of this one, and its sender is told so. */
  private refuseTakenId(request: Request): Promise<unknown> {
    const content = { text: `Your message was not accepted: another one was accepted under the id ${request.id} before. Send it again under a new id.`, failed: true, code: 'id-conflict' };
    return this.sendBack(request, { id: `r-${randomUUID()}`, kind: 'failure', content }, false);
  }

  /** An answer that is wanted as a message becomes one, with an id of its own that is always the same. */
  private answer({ request, answer, claimCheck }: Item<'answer'>, redelivered: boolean) {
    return this.sendBack(request, { id: answerIdOf(request.id), kind: 'answer', content: answer, ...(claimCheck && { claimCheck }) }, redelivered);
  }

  /** Whoever waits for an answer on another platform learns that none will come; a redrive may still bring it. */
  private failed({ request, code }: Item<'failed'>, redelivered: boolean) {
    // The reason is for operators, who find it by the id: it may name addresses and what providers say.
    const content = { text: `Sorry, your message could not be answered. Whoever runs this finds the reason under ${request.id}.`, failed: true, code: STABLE_CODE.test(code) ? code : 'failed' };
    return this.sendBack(request, { id: failureIdOf(request.id), kind: 'failure', content }, redelivered);
  }

  private sendBack(request: Request, message: Pick<Request, 'id' | 'kind' | 'content' | 'claimCheck'>, redelivered: boolean): Promise<unknown> {
    if (!request.replyTo || !('platform' in request.replyTo)) return Promise.resolve();
    const { id, user, conversation, trace, deadlineMs } = request;
    return this.request(
      {
        ...message,
        target: request.replyTo.platform,
        source: 'router',
        ...(user !== undefined && { user }),
        ...(conversation !== undefined && { conversation }),
        // Its sender knows it by the id that it chose.
        inReplyTo: chosenIdOf(id),
        deadlineMs,
        waitFor: 'acceptance',
        receivedAt: Date.now(),
        trace,
      },
      redelivered,
    );
  }

  private async reroute({ request, fallbacks, tried }: Item<'reroute'>) {
    const choice = await this.dispatcher.choose(fallbacks, request.kind);
    const moved = await this.ledger.move(request.id, choice.platform ? 'queued' : 'rerouting', [{ at: Date.now(), step: 'rerouted', ...(choice.platform && { platform: choice.platform }) }, ...this.dispatcher.steps('fallback', choice)]);
    if (moved) await this.dispatcher.send(request, choice, tried);
    else choice.admission?.settle('neutral');
  }

  private async redrive({ request, to, task }: Item<'redrive'>) {
    // Nobody waits for it any more: it may take its time.
    const patient: Request = { ...request, waitFor: 'acceptance', ...(to !== undefined && { target: to }) };
    const plan = this.planner.plan(patient);
    await this.ledger.keepContent(request);
    const moved = await this.ledger.move(request.id, 'redriving', [{ at: Date.now(), step: 'redriven', message: `redrive task ${task}` }]);
    // Before it is sent: should it fail again at once, its new letter must not be taken for the old one.
    await this.deadLetters.remove(request.id);
    if (!moved) return;
    const choice = await this.dispatcher.choose([plan.target, ...plan.fallbacks], patient.kind);
    await this.ledger.move(request.id, 'queued', this.dispatcher.steps(plan.rule, choice));
    await this.dispatcher.send(patient, choice);
  }
}
