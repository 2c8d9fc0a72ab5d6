import { PlatformName } from '@conductor/contracts';
import { Answers, ApiTags, Fails, Problem, ZodParam, ZodQuery } from '@conductor/http';
import { DatabaseUnavailable, MetricsHistory, TransitionLog } from '@conductor/persistence';
import { Controller, Get, Inject } from '@nestjs/common';
import { z } from 'zod';

const Range = z.strictObject({
  from: z.coerce.number().optional().describe('epoch ms; default one hour ago'),
  to: z.coerce.number().optional().describe('epoch ms; default now'),
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
    return { items: await present(() => this.history.latest()) };
  }

  @Get('transitions/platforms')
  @Answers(200)
  async platforms(@ZodQuery(Range) { from, to, limit }: z.output<typeof Range>) {
    return { items: await present(() => this.transitions.platforms({ from, to, limit: Math.min(limit, 1_000) })) };
  }

  @Get('transitions/breakers')
  @Answers(200)
  async breakers(@ZodQuery(Range) { from, to, limit }: z.output<typeof Range>) {
    return { items: await present(() => this.transitions.breakers({ from, to, limit: Math.min(limit, 1_000) })) };
  }

  @Get('startup')
  @Answers(200)
  async startup(@ZodQuery(Range) { from, to, limit }: z.output<typeof Range>) {
    return { items: await present(() => this.transitions.startupSteps({ from, to, limit: Math.min(limit, 1_000) })) };
  }

  @Get(':platform')
  @Answers(200)
  @Fails('invalid-request')
  of(@ZodParam('platform', PlatformName) platform: string, @ZodQuery(Range) { from, to, resolution, limit }: z.output<typeof Range>) {
    const until = to ?? Date.now() + 1;
    return present(() => this.history.history({ platform, from: from ?? until - 3_600_000, to: until, resolution, limit }));
  }
}

/** History is the one thing that needs the database; without it everything else goes on. */
const present = async <T>(question: () => Promise<T>): Promise<T> => {
  try {
    return await question();
  } catch (error) {
    if (error instanceof DatabaseUnavailable) throw new Problem('not-ready', `the database that holds the history is away: ${error.message}`, { retryAfterSeconds: 5, cause: error });
    throw error;
  }
};
