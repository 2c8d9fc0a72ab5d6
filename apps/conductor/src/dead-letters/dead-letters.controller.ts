import { AFTER_LETTER, DeadLetters } from '@conductor/bus';
import { asRedisUnavailable, RedisUnavailable } from '@conductor/connections';
import { DeadLetter, DeadLetterFilter, RedriveInput, RedriveTask, RequestId } from '@conductor/contracts';
import { PlatformDirectory } from '@conductor/control';
import { Answers, ApiOperation, ApiTags, Caller, Fails, Problem, Trace, ZodBody, ZodParam, ZodQuery } from '@conductor/http';
import { Controller, Delete, Get, HttpCode, Inject, Post, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Changes } from '../audit/changes';
import { LetterBox } from './letter-box';
import { RedriveRunning, RedriveTasks } from './redrive-tasks';

const Page = DeadLetterFilter.extend({
  limit: z.coerce.number().int().min(1).max(500).default(50),
  after: z.string().regex(AFTER_LETTER, 'is `next` of the page before').optional().describe('`next` of the page before'),
});
const DryRun = z.object({ dryRun: z.literal(true), matched: z.int(), ids: z.array(z.string()).describe('the first 100') });
const Discard = z.strictObject({ filter: DeadLetterFilter.optional(), ids: z.array(RequestId).min(1).max(10_000).optional() }).refine((input) => (input.filter === undefined) !== (input.ids === undefined), { message: 'give either `filter` or `ids`', path: ['filter'] }).meta({ example: { filter: { platform: 'minecraft' } } });

/** Messages that could not be delivered, each with its payload, every attempt, and why. */
@ApiTags('dead letters')
@Controller('v1/dead-letters')
export class DeadLettersController {
  constructor(
    @Inject(DeadLetters) private readonly deadLetters: DeadLetters,
    @Inject(RedriveTasks) private readonly redrives: RedriveTasks,
    @Inject(LetterBox) private readonly box: LetterBox,
    @Inject(PlatformDirectory) private readonly directory: PlatformDirectory,
    @Inject(Changes) private readonly changes: Changes,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Dead letters by filter, newest first' })
  @Answers(200, z.object({ total: z.int(), items: z.array(DeadLetter), next: z.string().optional() }))
  async list(@ZodQuery(Page) { limit, after, ...filter }: z.output<typeof Page>) {
    return this.deadLetters.page(filter, limit, after);
  }

  @Get(':id')
  @ApiOperation({ summary: 'One dead letter: payload, every attempt, and why' })
  @Answers(200, DeadLetter)
  @Fails('not-found')
  async one(@ZodParam('id', RequestId) id: string): Promise<DeadLetter> {
    const letter = await this.deadLetters.get(id);
    if (!letter) throw new Problem('not-found', `there is no dead letter ${id}: it was redriven, discarded, or its time is over`);
    return letter;
  }

  @Post('redrive')
  @ApiOperation({ summary: 'Sends letters again, as one task. A message keeps its id: what was answered meanwhile is not sent' })
  @Answers(202, RedriveTask)
  @Answers(200, DryRun)
  @Fails('invalid-request', 'unknown-platform', 'conflict', 'redis-unavailable')
  async redrive(@ZodBody(RedriveInput) input: RedriveInput, @Caller() caller: Caller, @Trace() trace: string, @Res({ passthrough: true }) reply: FastifyReply) {
    if (input.dryRun) {
      const ids = await this.redrives.select(input);
      reply.status(200);
      return { dryRun: true, matched: ids.length, ids: ids.slice(0, 100) };
    }
    if (input.to !== undefined && !this.directory.has(input.to)) throw new Problem('unknown-platform', `no platform ${input.to} has ever started here; known are: ${this.directory.names().join(', ')}`);
    const task = await this.redrives.start(input).catch((error: unknown) => {
      throw notBegun(error);
    });
    await this.changes.record({ caller, action: 'dead-letters.redrive', subject: task.id, after: { ...input, total: task.total }, trace });
    reply.status(202);
    return task;
  }

  @Post('discard')
  @ApiOperation({ summary: 'Discards letters for good' })
  @HttpCode(200)
  @Answers(200, z.object({ discarded: z.int() }))
  async discardMany(@ZodBody(Discard) { filter, ids }: z.output<typeof Discard>, @Caller() caller: Caller, @Trace() trace: string) {
    const reason = `discarded by ${caller.name}`;
    const discarded = ids ? await this.box.discardMany(ids, reason) : await this.box.discardAll(filter!, reason);
    await this.changes.record({ caller, action: 'dead-letters.discard', subject: ids ? ids.slice(0, 20).join(',') : 'filter', after: { filter, discarded }, trace });
    return { discarded };
  }

  @Delete(':id')
  @ApiOperation({ summary: 'Discards one letter for good' })
  @Answers(200)
  @Fails('not-found')
  async discard(@ZodParam('id', RequestId) id: string, @Caller() caller: Caller, @Trace() trace: string) {
    if (!(await this.box.discard(id, `discarded by ${caller.name}`))) throw new Problem('not-found', `there is no dead letter ${id}`);
    await this.changes.record({ caller, action: 'dead-letters.discard', subject: id, trace });
    return { id, discarded: true };
  }
}

/** Why a redrive was not begun. */
const notBegun = (error: unknown): unknown => {
  if (error instanceof RedriveRunning) return new Problem('conflict', error.message);
  const away = asRedisUnavailable(error);
  if (!(away instanceof RedisUnavailable)) return error;
  return new Problem('redis-unavailable', 'The redrive was not begun, because the message store cannot be reached completely at the moment. Every letter is where it was: ask again in some seconds.', { retryAfterSeconds: away.retryAfterMs / 1_000, cause: away });
};
