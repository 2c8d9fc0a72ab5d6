import { PlatformName, PlatformState } from '@conductor/contracts';
import { Allow, Answers, ApiOperation, ApiTags, Fails, Problem, ZodParam, ZodQuery } from '@conductor/http';
import { Controller, Get } from '@nestjs/common';
import { CheckHistory } from './check-history';
import { CurrentHealth } from './current-health';
import { AllHealth, HistoryAnswer, HistoryParameters, rangeOf } from './health.schemas';

/** The health of the platforms. Every monitor answers alike, whether it acts or stands by. */
@ApiTags('health')
@Allow('viewer')
@Controller('v1/health')
export class HealthController {
  constructor(
    private readonly current: CurrentHealth,
    private readonly checks: CheckHistory,
  ) {}

  @Get()
  @ApiOperation({ summary: 'The health of every platform and of each of its instances, as of the latest check' })
  @Answers(200, AllHealth)
  @Fails('redis-unavailable')
  async all(): Promise<AllHealth> {
    return { platforms: await this.current.all() };
  }

  @Get(':platform')
  @ApiOperation({ summary: 'The health of one platform' })
  @Answers(200, PlatformState)
  @Fails('not-found', 'redis-unavailable')
  async one(@ZodParam('platform', PlatformName) platform: string): Promise<PlatformState> {
    const state = await this.current.of(platform);
    if (!state) throw new Problem('not-found', `There is no platform "${platform}". GET /v1/health lists all.`);
    return state;
  }

  @Get(':platform/history')
  @ApiOperation({ summary: 'The checks of one platform: each one, or summed up by the hour' })
  @Answers(200, HistoryAnswer)
  @Fails('invalid-request', 'not-ready')
  async history(@ZodParam('platform', PlatformName) platform: string, @ZodQuery(HistoryParameters) query: HistoryParameters): Promise<HistoryAnswer> {
    const { from, to } = rangeOf(query, Date.now());
    return { platform, from, to, ...(await this.checks.read({ platform, from, to, resolution: query.resolution, limit: query.limit })) };
  }
}
