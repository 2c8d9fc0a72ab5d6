import { Controller, Get, Inject, Post, Res } from '@nestjs/common';
import { Accepted, Answered, chosenIdOf, type ProblemCode, problems, RequestId, RequestInput, RequestRecord } from '@conductor/contracts';
import { Allow, Answers, ApiOperation, ApiTags, Caller, Fails, Problem, Trace, ZodBody, ZodParam } from '@conductor/http';
import { Ledger } from '@conductor/bus';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { RoutingGate } from '../routing-gate';
import { SenderRules } from './sender-rules';
import { Ingress, ownerOfKey, type Submission } from './ingress';

/** Messages in. */
@ApiTags('requests')
@Controller('v1/requests')
export class RequestsController {
  constructor(
    @Inject(Ingress) private readonly ingress: Ingress,
    @Inject(Ledger) private readonly ledger: Ledger,
    @Inject(RoutingGate) private readonly gate: RoutingGate,
    @Inject(SenderRules) private readonly senders: SenderRules,
  ) {}

  @Post()
  @ApiOperation({ summary: 'Sends a message, and waits for its answer unless `waitFor` says otherwise' })
  @Allow('ingress')
  @Answers(200, Answered)
  @Answers(202, Accepted)
  @Fails('invalid-request', 'forbidden', 'id-conflict', 'body-too-large', 'unknown-platform', 'no-route', 'idempotency-key-reused', 'rejected', 'rate-limited', 'quota-exceeded', 'delivery-failed', 'outcome-unknown', 'platform-unavailable', 'platform-full', 'redis-unavailable', 'overloaded', 'deadline-exceeded')
  async submit(@ZodBody(RequestInput) input: z.output<typeof RequestInput>, @Caller() caller: Caller, @Trace() trace: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<Answered | Accepted> {
    const startedAt = performance.now();
    this.gate.pass();
    this.senders.check(input, caller);
    const gone = new AbortController();
    // Each response closes in the end; to say so to nobody costs a stack trace.
    reply.raw.once('close', () => reply.raw.writableFinished || gone.abort());
    const submission = await this.ingress.submit(input, caller.id, trace, gone.signal);
    switch (submission.state) {
      case 'answered': {
        const { id, platform, instance, answer, queuedMs, platformMs } = submission;
        const overheadMs = Math.max(0, performance.now() - startedAt - platformMs);
        reply.status(200);
        return { id: chosenIdOf(id), status: 'answered', platform, instance, answer, timings: { queuedMs: round(queuedMs), platformMs: round(platformMs), overheadMs: round(overheadMs) } };
      }
      case 'accepted':
        reply.status(202);
        return { id: chosenIdOf(submission.id), status: submission.status };
      default:
        throw problemOf(submission);
    }
  }

  @Get(':id')
  @ApiOperation({ summary: 'What became of a message: state, answer, and its whole trail. An ingress key sees its own messages' })
  @Allow('viewer', 'ingress')
  @Answers(200, RequestRecord)
  @Fails('not-found', 'redis-unavailable')
  async read(@ZodParam('id', RequestId) id: string, @Caller() caller: Caller): Promise<RequestRecord> {
    const record = await this.ledger.readAs(ownerOfKey(caller.id), id, caller.role !== 'ingress');
    if (!record) throw new Problem('not-found', `no request ${id} of yours is known: it never was, or its time is over`);
    return record;
  }
}

const problemOf = (submission: Extract<Submission, { state: 'dead-lettered' | 'late' }>): Problem => {
  if (submission.state === 'late') {
    return new Problem('deadline-exceeded', submission.reason, { request: { id: chosenIdOf(submission.id), state: submission.status, reason: submission.reason } });
  }
  const { id, code, reason, rejected, retryAfterMs } = submission;
  const known: ProblemCode = rejected ? 'rejected' : code in problems ? (code as ProblemCode) : 'delivery-failed';
  return new Problem(known, `${reason}. The message is kept among the dead letters as ${id}: redrive it when the cause is mended, or discard it`, {
    request: { id: chosenIdOf(id), state: 'dead-lettered', reason: `${code}: ${reason}` },
    ...(retryAfterMs !== undefined && { retryAfterSeconds: retryAfterMs / 1_000 }),
  });
};

const round = (ms: number) => Math.round(ms * 100) / 100;
