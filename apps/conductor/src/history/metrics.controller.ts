import { PlatformName } from '@conductor/contracts';
import { Answers, ApiTags, Fails, ZodParam, ZodQuery } from '@conductor/http';
import { MetricsHistory, TransitionLog } from '@conductor/persistence';
import { Controller, Get, Inject } from '@nestjs/common';
import { z } from 'zod';
import { Moment } from './moment';
import { readHistory } from './read-history';

const Range = z.strictObject({
  from: Moment.optional().describe('epoch milliseconds, or ISO 8601; default one hour ago'),
  to: Moment.optional().describe('epoch milliseconds, or ISO 8601; default now'),
  resolution: z.enum(['raw', 'hour', 'auto']).default('auto'),
  limit: z.coerce.number().int().min(1).max(10_000).default(1_000),
});

/** What was measured: every health check for 7 days, hours for 90. */
@ApiTags('metrics')
@Controller('v1/metrics')
export class MetricsController {
  constructor(
    @Inject(MetricsHistory) private readonly history: MetricsHistory,
    @Inject(TransitionLog) private readonly transitions: TransitionLog,
  ) {}

  /** The newest check of every instance. */
  @Get()
  @Answers(200)
  async latest() {
    return { items: await readHistory(() => this.history.latest()) };
  }

  @Get('transitions/platforms')
  @Answers(200)
  async platforms(@ZodQuery(Range) { from, to, limit }: z.output<typeof Range>) {
    return { items: await readHistory(() => this.transitions.platforms({ from, to, limit: Math.min(limit, 1_000) })) };
  }

  @Get('transitions/breakers')
  @Answers(200)
  async breakers(@ZodQuery(Range) { from, to, limit }: z.output<typeof Range>) {
    return { items: await readHistory(() => this.transitions.breakers({ from, to, limit: Math.min(limit, 1_000) })) };
  }

  @Get('startup')
  @Answers(200)
  async startup(@ZodQuery(Range) { from, to, limit }: z.output<typeof Range>) {
    return { items: await readHistory(() => this.transitions.startupSteps({ from, to, limit: Math.min(limit, 1_000) })) };
  }

  @Get(':platform')
  @Answers(200)
  @Fails('invalid-request')
  of(@ZodParam('platform', PlatformName) platform: string, @ZodQuery(Range) { from, to, resolution, limit }: z.output<typeof Range>) {
    const until = to ?? Date.now() + 1;
    return readHistory(() => this.history.history({ platform, from: from ?? until - 3_600_000, to: until, resolution, limit }));
  }
}
