import { ApiTags, OpenStreams, ZodQuery } from '@conductor/http';
import { Controller, Headers, Inject, Req, Sse } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { EVENT_TYPES, Events, WAITING } from './event-stream';

const Types = z
  .string()
  .transform((list) => list.split(','))
  .pipe(z.array(z.enum(EVENT_TYPES, { error: `an event is one of: ${EVENT_TYPES.join(', ')}` })));
const Query = z.strictObject({ types: Types.optional().describe('comma-separated, e.g. verdict,breaker; default all') });

/** What happens, as it happens. A reader that comes back with `Last-Event-ID` gets what it missed, or one event `gap`. */
@ApiTags('events')
@Controller('v1/events')
export class EventsController {
  constructor(
    @Inject(Events) private readonly events: Events,
    @Inject(OpenStreams) private readonly open: OpenStreams,
  ) {}

  @Sse('', WAITING)
  stream(@ZodQuery(Query) { types }: z.output<typeof Query>, @Headers('last-event-id') lastEventId: string | undefined, @Req() request: FastifyRequest) {
    return this.open.guard(request, this.events.stream(lastEventId, types && new Set(types)));
  }
}
