import { BreakerTransitionRow, MetricRow, PlatformName, PlatformTransitionRow, StartupStepRow } from '@conductor/contracts';
import { Answers, ApiOperation, ApiTags, Fails, ZodParam, ZodQuery } from '@conductor/http';
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

const Hour = z.object({ hour: z.number().describe('epoch ms at which it begins'), checks: z.int() }).loose();
const History = z.object({ resolution: z.enum(['raw', 'hour']), points: z.array(z.union([MetricRow, Hour])), truncated: z.boolean().describe('older ones were left out for `limit`') });

/** What was measured: every health check for 7 days, hours for 90. */
@ApiTags('metrics')
@Controller('v1/metrics')
export class MetricsController {
  constructor(
    @Inject(MetricsHistory) private readonly history: MetricsHistory,
    @Inject(TransitionLog) private readonly transitions: TransitionLog,
  ) {}

  @Get()
  @ApiOperation({ summary: 'The newest check of every instance' })
  @Answers(200, z.object({ items: z.array(MetricRow) }))
  async latest() {
    return { items: await readHistory(() => this.history.latest()) };
  }

  @Get('transitions/platforms')
  @ApiOperation({ summary: 'Changes of state of platforms, newest first' })
  @Answers(200, z.object({ items: z.array(PlatformTransitionRow) }))
  async platforms(@ZodQuery(Range) { from, to, limit }: z.output<typeof Range>) {
    return { items: await readHistory(() => this.transitions.platforms({ from, to, limit: Math.min(limit, 1_000) })) };
  }

  @Get('transitions/breakers')
  @ApiOperation({ summary: 'Changes of circuit breakers, newest first' })
  @Answers(200, z.object({ items: z.array(BreakerTransitionRow) }))
  async breakers(@ZodQuery(Range) { from, to, limit }: z.output<typeof Range>) {
    return { items: await readHistory(() => this.transitions.breakers({ from, to, limit: Math.min(limit, 1_000) })) };
  }

  @Get('startup')
  @ApiOperation({ summary: 'The steps of start-ups, with result and time' })
  @Answers(200, z.object({ items: z.array(StartupStepRow) }))
  async startup(@ZodQuery(Range) { from, to, limit }: z.output<typeof Range>) {
    return { items: await readHistory(() => this.transitions.startupSteps({ from, to, limit: Math.min(limit, 1_000) })) };
  }

  @Get(':platform')
  @ApiOperation({ summary: 'What was measured of one platform: each check for 7 days, hours for 90' })
  @Answers(200, History)
  @Fails('invalid-request')
  of(@ZodParam('platform', PlatformName) platform: string, @ZodQuery(Range) { from, to, resolution, limit }: z.output<typeof Range>) {
    const until = to ?? Date.now() + 1;
    return readHistory(() => this.history.history({ platform, from: from ?? until - 3_600_000, to: until, resolution, limit }));
  }
}
