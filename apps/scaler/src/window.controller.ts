import { Allow, Answers, ApiOperation, ApiTags, Problem, ZodQuery } from '@conductor/http';
import { Controller, Get } from '@nestjs/common';
import { z } from 'zod';
import { Window } from './window/window';

const Query = z.strictObject({ series: z.string().max(128).optional().describe('e.g. memory:used; without it, the names of all') });
const WindowView = z.object({ names: z.array(z.string()), points: z.array(z.object({ at: z.number(), value: z.number() })).optional() });

/** What was seen in the last half hour. */
@ApiTags('window')
@Allow('viewer')
@Controller('v1/window')
export class WindowController {
  constructor(private readonly window: Window) {}

  @Get()
  @ApiOperation({ summary: 'Half an hour of one series, or the names of all: memory, requests, queues, the machine' })
  @Answers(200, WindowView)
  read(@ZodQuery(Query) { series }: z.output<typeof Query>): z.output<typeof WindowView> {
    const names = this.window.names();
    if (series === undefined) return { names };
    if (!names.includes(series)) throw new Problem('not-found', `There is no series "${series}". GET /v1/window lists all.`);
    return { names: [series], points: this.window.read(series) };
  }
}
