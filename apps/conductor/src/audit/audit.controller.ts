import { Controller, Get, Inject } from '@nestjs/common';
import { Allow, Answers, ApiTags, Fails, ZodQuery } from '@conductor/http';
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
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  cursor: z.string().regex(/^\d{1,15}$/, 'is `next` of the page before').optional().describe('`next` of the page before'),
});

/** Who changed what and when; each entry is chained to the one before by its hash. */
@ApiTags('audit')
@Controller('v1/audit')
@Allow('operator')
export class AuditController {
  constructor(@Inject(AuditLog) private readonly log: AuditLog) {}

  @Get()
  @Answers(200)
  @Fails('invalid-request', 'not-ready')
  async list(@ZodQuery(Query) query: z.output<typeof Query>) {
    const { entries, next } = await readHistory(() => this.log.list(query));
    return { items: entries, ...(next && { next }) };
  }

  /** Walks the whole chain and names the first entry that does not fit. */
  @Get('verify')
  @Answers(200)
  @Fails('not-ready')
  verify() {
    return readHistory(() => this.log.verify(AbortSignal.timeout(30_000)));
  }
}
