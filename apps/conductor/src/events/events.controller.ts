import { Notices } from '@conductor/control';
import { ApiTags, ZodQuery } from '@conductor/http';
import { Controller, Inject, Sse } from '@nestjs/common';
import { z } from 'zod';
import { eventStream } from './event-stream';

const Query = z.strictObject({ types: z.string().optional().describe('comma-separated, e.g. verdict,breaker; default all') });

/** What happens, as it happens. */
@ApiTags('events')
@Controller('v1/events')
export class EventsController {
  constructor(@Inject(Notices) private readonly notices: Notices) {}

  @Sse()
  stream(@ZodQuery(Query) { types }: z.output<typeof Query>) {
    return eventStream(this.notices, types === undefined ? undefined : new Set(types.split(',')));
  }
}
