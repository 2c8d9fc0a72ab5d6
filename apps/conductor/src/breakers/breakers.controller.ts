import { RedisConnections } from '@conductor/connections';
import { BreakerState, PlatformName } from '@conductor/contracts';
import { PlatformDirectory } from '@conductor/control';
import { Answers, ApiOperation, ApiTags, Caller, Fails, Trace, ZodBody, ZodParam } from '@conductor/http';
import { shownBreakers } from '@conductor/resilience';
import { Controller, Get, Inject, Put } from '@nestjs/common';
import { z } from 'zod';
import { Changes } from '../audit/changes';
import { PlatformViews } from '../platforms/platform-views';

const Force = z.strictObject({ force: z.enum(['open', 'closed', 'none']).describe('`none` leaves it to the outcomes again') }).meta({ example: { force: 'open' } });

/** The circuit breakers of all routers. */
@ApiTags('breakers')
@Controller('v1/breakers')
export class BreakersController {
  constructor(
    @Inject(RedisConnections) private readonly connections: RedisConnections,
    @Inject(PlatformDirectory) private readonly directory: PlatformDirectory,
    @Inject(PlatformViews) private readonly views: PlatformViews,
    @Inject(Changes) private readonly changes: Changes,
  ) {}

  @Get()
  @ApiOperation({ summary: 'The circuit breakers of every router' })
  @Answers(200, z.object({ items: z.array(BreakerState) }))
  async list() {
    return { items: await shownBreakers(this.connections) };
  }

  @Get(':platform')
  @ApiOperation({ summary: 'The circuit breakers of one platform, in every router' })
  @Answers(200, z.object({ items: z.array(BreakerState) }))
  @Fails('not-found')
  async one(@ZodParam('platform', PlatformName) platform: string) {
    this.views.mustExist(platform);
    return { items: (await shownBreakers(this.connections)).filter((breaker) => breaker.platform === platform) };
  }

  @Put(':platform')
  @ApiOperation({ summary: 'Holds every breaker of a platform open or closed, in all routers, until it is taken back' })
  @Answers(200)
  @Fails('not-found', 'invalid-request')
  async force(@ZodParam('platform', PlatformName) platform: string, @ZodBody(Force) { force }: z.output<typeof Force>, @Caller() caller: Caller, @Trace() trace: string) {
    this.views.mustExist(platform);
    const before = this.directory.desired.get(platform)?.forcedBreaker ?? 'none';
    await this.directory.desire(platform, { forcedBreaker: force === 'none' ? null : force });
    await this.changes.record({ caller, action: 'breaker.force', subject: platform, before, after: force, trace });
    return { platform, forced: force };
  }
}
