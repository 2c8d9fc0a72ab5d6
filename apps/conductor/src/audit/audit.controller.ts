import { Controller, Get, Inject } from '@nestjs/common';
import { Allow, Answers, ApiOperation, ApiTags, Fails, ZodQuery } from '@conductor/http';
import { AuditLog } from '@conductor/persistence';
import { z } from 'zod';
import { Moment } from '../history/moment';
import { readHistory } from '../history/read-history';

const Query = z.strictObject({
  from: Moment.optional(),
  to: Moment.optional(),
  actor: z.string().optional(),
  action: z.string().optional(),
  subject: z.string().optional(),
  class: z.literal('security').optional().describe('log-ins, keys and devices only'),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  cursor: z.string().regex(/^\d{1,15}$/, 'is `next` of the page before').optional().describe('`next` of the page before'),
});

const Entry = z.object({
  id: z.int().describe('its place in the chain, from 1'),
  at: z.number().describe('epoch ms'),
  actor: z.string(),
  role: z.string(),
  keyId: z.string().optional().describe('of the key it was done with'),
  action: z.string().describe('e.g. `platform.disable`'),
  subject: z.string(),
  before: z.unknown().optional(),
  after: z.unknown().optional(),
  trace: z.string().optional(),
  hash: z.string(),
});
const Verdict = z.object({
  ok: z.boolean(),
  entries: z.int(),
  head: z.string().optional().describe('the newest hash: whoever keeps it elsewhere can also tell that entries were cut off at the end'),
  firstBroken: z.object({ id: z.int(), reason: z.string() }).optional(),
});

/** Who changed what and when; each entry is chained to the one before by its hash. */
@ApiTags('audit')
@Controller('v1/audit')
@Allow('operator')
export class AuditController {
  constructor(@Inject(AuditLog) private readonly log: AuditLog) {}

  @Get()
  @ApiOperation({ summary: 'Who changed what and when, newest first' })
  @Answers(200, z.object({ items: z.array(Entry), next: z.string().optional() }))
  @Fails('invalid-request', 'not-ready')
  async list(@ZodQuery(Query) query: z.output<typeof Query>) {
    const { entries, next } = await readHistory(() => this.log.list(query));
    return { items: entries, ...(next && { next }) };
  }

  @Get('verify')
  @ApiOperation({ summary: 'Walks the whole chain and names the first entry that does not fit' })
  @Answers(200, Verdict)
  @Fails('not-ready')
  verify() {
    return readHistory(() => this.log.verify(AbortSignal.timeout(30_000)));
  }
}
