import { Notices } from '@conductor/control';
import { ApiTags, ZodQuery } from '@conductor/http';
import { Controller, Inject, Sse } from '@nestjs/common';
import { z } from 'zod';
import { eventStream, EVENT_TYPES } from './event-stream';

const Types = z
  .string()
  .transform((list) => list.split(','))
  .pipe(z.array(z.enum(EVENT_TYPES, { error: `an event is one of: ${EVENT_TYPES.join(', ')}` })));
const Query = z.strictObject({ types: Types.optional().describe('comma-separated, e.g. verdict,breaker; default all') });

/** What happens, as it happens. */
@ApiTags('events')
@Controller('v1/events')
export class EventsController {
  constructor(@Inject(Notices) private readonly notices: Notices) {}

  @Sse()
  stream(@ZodQuery(Query) { types }: z.output<typeof Query>) {
    return eventStream(this.notices, types && new Set(types));
  }
}
