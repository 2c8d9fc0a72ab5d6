import { randomUUID } from 'node:crypto';
import { type Ledger, messageBytes, QuotaExceeded, type ReplyInbox } from '@conductor/bus';
import { type Answer, chosenIdOf, expiresAt, isSettled, type Reply, type Request, type RequestInput, type RequestRecord, type RequestState, type TrailStep } from '@conductor/contracts';
import { Problem, quotaProblem } from '@conductor/http';
import type { z } from 'zod';
import type { Dispatcher } from '../dispatch/dispatcher';
import type { Choice, PlatformChooser } from '../dispatch/platform-chooser';
import type { RoutePlanner } from '@conductor/routing';
import type { IngressQuota } from './ingress-quota';

type Given = z.output<typeof RequestInput>;

/** How a request ended, or how it stands when nobody waits any longer. `id` is the one in the ledger. */
export type Submission =
  | { state: 'answered'; id: string; platform: string; instance: string; answer: Answer; queuedMs: number; platformMs: number }
  | { state: 'accepted'; id: string; status: RequestState }
  | { state: 'dead-lettered'; id: string; code: string; reason: string; rejected: boolean; retryAfterMs: number | undefined }
  | { state: 'late'; id: string; status: RequestState; reason: string };

/** After the deadline, a platform that has the message in hand gets this long to say how it ended. */
const LAST_WORD_MS = 500;

/** Who sends what comes with this API key. @param caller the key's id */
export const ownerOfKey = (caller: string) => `key/${caller}`;

/** Lets requests in: written down first, then sent, then waited for. */
export class Ingress {
  private inFlight = 0;
  /** Written down, and on their way to their queues from here. */
  private readonly sending = new Set<string>();

  constructor(
    private readonly planner: RoutePlanner,
    private readonly chooser: PlatformChooser,
    private readonly dispatcher: Dispatcher,
    private readonly ledger: Ledger,
    private readonly inbox: ReplyInbox,
    private readonly maxInFlight: number,
    private readonly quota: IngressQuota,
  ) {}

  get held(): number {
    return this.inFlight;
  }

  /** @throws Problem, RedisUnavailable */
  async submit(given: Given, caller: string, trace: string, signal?: AbortSignal): Promise<Submission> {
    if (this.inFlight >= this.maxInFlight) {
      throw new Problem('overloaded', `this router holds ${this.inFlight} requests, which is all it may; try again shortly, or send with waitFor "acceptance"`, { retryAfterSeconds: 1 });
    }
    const leave = this.quota.enter(caller, messageBytes(given));
    this.inFlight++;
    try {
      return await this.let(given, caller, trace, signal);
    } finally {
      this.inFlight--;
      leave();
    }
  }

  private async let(given: Given, caller: string, trace: string, signal?: AbortSignal): Promise<Submission> {
    const whole = await this.identified(given, caller, trace);
    const plan = this.planner.plan(whole);
    if (!this.chooser.isKnown(plan.target) && !plan.fallbacks.some((fallback) => this.chooser.isKnown(fallback))) {
      if (plan.rule === 'default') throw new Problem('no-route', `no route rule takes this message, and the default target ${plan.target} has never started here; name a target, add a rule, or set ROUTER_DEFAULT_TARGET`);
      throw new Problem('unknown-platform', `rule ${plan.rule} leads to ${plan.target}, and no platform of that name has ever started here; GET /v1/platforms at the conductor lists those that have`);
    }
    const choice = await this.dispatcher.choose([plan.target, ...plan.fallbacks], whole.kind);
    const steps: TrailStep[] = [{ at: whole.receivedAt, step: 'accepted' }, ...this.dispatcher.steps(plan.rule, choice, whole.waitFor === 'acceptance')];
    const asChosen = await this.takenOn(whole, caller, plan.target, choice);
    let request = asChosen;
    if (request.keyed) {
      const accepted = await this.ledger.accept(request, steps, 'chosen');
      if (accepted.id !== request.id) request = { ...request, id: accepted.id };
      if (!accepted.fresh) {
        choice.admission?.settle('neutral');
        await this.ledger.withdraw(asChosen);
        if (!accepted.sameContent) throw this.conflict(request);
        return this.follow(request, signal);
      }
    }
    // Waiting begins before sending: the answer may be faster than the acknowledgement.
    const waiting = request.waitFor === 'answer' ? this.inbox.wait(request.id, this.left(request), signal) : undefined;
    this.sending.add(request.id);
    const sent = await (request.keyed ? this.dispatcher.send(request, choice) : this.dispatcher.sendNew(request, choice, steps)).finally(() => this.sending.delete(request.id));
    if (sent.state === 'dead-lettered') {
      const retryAt = choice.passedOver.find((passed) => passed.retryAt !== undefined)?.retryAt;
      return { state: 'dead-lettered', id: request.id, code: sent.code, reason: sent.reason, rejected: false, retryAfterMs: retryAt === undefined ? 5_000 : retryAt - Date.now() };
    }
    if (!waiting) return { state: 'accepted', id: request.id, status: 'queued' };
    return this.ended(request, await waiting, sent.platform, steps);
  }

  private async identified(given: Given, caller: string, trace: string): Promise<Request> {
    const source = given.source ?? 'rest';
    const fresh = given.id ?? `r-${randomUUID()}`;
    const id = given.idempotencyKey === undefined ? fresh : await this.ledger.bindKey(`${caller}/${source}`, given.idempotencyKey, fresh);
    return { ...given, id, source, owner: ownerOfKey(caller), keyed: given.id !== undefined || given.idempotencyKey !== undefined, receivedAt: Date.now(), trace, ...(given.waitFor === 'answer' && { replyTo: { inbox: this.inbox.name } }) };
  }

  /** What may wait is charged to its sender and its platform; what is large is put beside the queue. */
  private async takenOn(request: Request, caller: string, target: string, choice: Choice): Promise<Request> {
    try {
      const mayWait = request.waitFor === 'acceptance';
      const charged = mayWait ? await this.quota.charge(request, caller, target) : undefined;
      return await this.ledger.checkIn({ ...request, ...(charged && { charged }) });
    } catch (error) {
      choice.admission?.settle('neutral');
      throw error instanceof QuotaExceeded ? quotaProblem(error) : error;
    }
  }

  /** The same message came before: its answer is this one's answer. */
  private async follow(request: Request, signal?: AbortSignal): Promise<Submission> {
    const record = await this.ledger.read(request.id);
    if (record && isSettled(record.state)) return this.fromRecord(record);
    // Not taken up: whoever wrote it down may have died, or lost Redis, before it was on its queue. A second copy there is dropped by the ledger.
    if (record?.state === 'queued' && !this.sending.has(request.id)) {
      const plan = this.planner.plan(record.request);
      await this.dispatcher.send(record.request, await this.dispatcher.choose([plan.target, ...plan.fallbacks], request.kind));
    }
    if (request.waitFor === 'acceptance') return { state: 'accepted', id: request.id, status: record?.state ?? 'accepted' };
    await this.inbox.wait(request.id, this.left(request), signal);
    // Asked of the ledger: a reply brings the answer only to the router that the message first came to.
    const now = await this.ledger.read(request.id);
    if (now && isSettled(now.state)) return this.fromRecord(now);
    return { state: 'late', id: request.id, status: now?.state ?? 'accepted', reason: 'the first request with this id or key is still going on' };
  }

  private async ended(request: Request, end: Reply | RequestRecord | undefined, platform: string | undefined, steps: TrailStep[]): Promise<Submission> {
    if (end === undefined) return this.late(request, platform, steps);
    if (!('outcome' in end)) return this.fromRecord(end);
    const { outcome, queuedMs, platformMs, instance } = end;
    if (outcome.result === 'done') return { state: 'answered', id: request.id, platform: end.platform, instance, answer: outcome.answer, queuedMs, platformMs };
    return { state: 'dead-lettered', id: request.id, code: outcome.code, reason: outcome.message, rejected: outcome.class === 'rejected', retryAfterMs: undefined };
  }

  /** The deadline is over. What nobody has taken up is ended here; what a platform has in hand is left to it. */
  private async late(request: Request, platform: string | undefined, steps: TrailStep[]): Promise<Submission> {
    const reason = `no answer within its deadline of ${request.deadlineMs} ms`;
    if (await this.dispatcher.expire(request, `${reason}: no instance of ${platform ?? 'any platform'} had taken it up`, platform, steps)) {
      return { state: 'late', id: request.id, status: 'dead-lettered', reason: `${reason}; it was still waiting for ${platform ?? 'a platform'}` };
    }
    // Its platform has the same deadline and is about to say how it ended.
    const end = await this.inbox.wait(request.id, LAST_WORD_MS);
    const record = await this.ledger.read(request.id);
    if (end && record?.state === 'answered') return this.fromRecord(record);
    if (record?.state === 'dead-lettered') return { state: 'late', id: request.id, status: 'dead-lettered', reason: `${reason}; ${record.reason ?? ''}` };
    return { state: 'late', id: request.id, status: record?.state ?? 'active', reason: `${reason}; ${platform ?? 'the platform'} has it in hand, ask GET /v1/requests/${chosenIdOf(request.id)} how it ends` };
  }

  private fromRecord(record: RequestRecord): Submission {
    if (record.state === 'answered') {
      const { id, platform = '', instance = '', answer = {}, queuedMs = 0, platformMs = 0 } = record;
      return { state: 'answered', id, platform, instance, answer, queuedMs, platformMs };
    }
    return { state: 'dead-lettered', id: record.id, code: record.code ?? record.state, reason: record.reason ?? `it was ${record.state}`, rejected: false, retryAfterMs: undefined };
  }

  private conflict(request: Request): Problem {
    return request.idempotencyKey === undefined
      ? new Problem('id-conflict', `another message was accepted under the id ${chosenIdOf(request.id)} before; choose a new id for a new message`, { request: { id: chosenIdOf(request.id), state: 'known' } })
      : new Problem('idempotency-key-reused', `the idempotency key ${request.idempotencyKey} was used for another message before; choose a new key for a new message`, { request: { id: chosenIdOf(request.id), state: 'known' } });
  }

  private left(request: Request): number {
    return Math.max(1, (expiresAt(request) ?? Date.now()) - Date.now());
  }
}
