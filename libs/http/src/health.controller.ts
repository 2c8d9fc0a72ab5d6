import { Controller, Get, Inject, Res, ServiceUnavailableException } from '@nestjs/common';
import { HealthCheck, HealthCheckService, HealthIndicatorService } from '@nestjs/terminus';
import type { FastifyReply } from 'fastify';
import { ApiTags } from './api-docs';
import { Public } from './access';
import { APP_CONTEXT, type AppContext, type HealthProbe } from './app-context';
import { InFlight } from './in-flight';
import { routeConfig } from './route-config';

const PROBE_TIMEOUT_MS = 1_000;

/** Asked by the launcher, container engines and load balancers; answers in Terminus' form, not as problems. */
@ApiTags('health')
@Controller('health')
@Public()
@routeConfig({ limited: false })
export class HealthController {
  constructor(
    @Inject(APP_CONTEXT) private readonly context: AppContext,
    @Inject(HealthCheckService) private readonly health: HealthCheckService,
    @Inject(HealthIndicatorService) private readonly indicators: HealthIndicatorService,
    @Inject(InFlight) private readonly inFlight: InFlight,
  ) {}

  /** The process runs and its event loop turns. If not, restart it. */
  @Get('live')
  @HealthCheck({ swaggerDocumentation: false })
  live(@Res({ passthrough: true }) reply: FastifyReply) {
    return this.report(reply, []);
  }

  /** This app can do its work: send it some. If not, wait; a restart would not help. */
  @Get('ready')
  @HealthCheck({ swaggerDocumentation: false })
  ready(@Res({ passthrough: true }) reply: FastifyReply) {
    return this.report(reply, [
      { name: 'door', check: () => (this.inFlight.isDraining ? { up: false, reason: 'this instance is shutting down' } : { up: true }) },
      { name: 'redis', check: () => this.pingRedis() },
      ...this.context.readiness,
    ]);
  }

  /** Work that waits gets done. */
  @Get('flow')
  @HealthCheck({ swaggerDocumentation: false })
  flow(@Res({ passthrough: true }) reply: FastifyReply) {
    return this.report(reply, [{ name: 'redis', check: () => this.writeToRedis() }, ...this.context.flow]);
  }

  private async report(reply: FastifyReply, probes: readonly HealthProbe[]): Promise<unknown> {
    try {
      return await this.health.check(probes.map((probe) => () => this.ask(probe)));
    } catch (error) {
      if (!(error instanceof ServiceUnavailableException)) throw error;
      reply.code(503);
      return error.getResponse();
    }
  }

  private async ask({ name, check }: HealthProbe) {
    let more = {};
    const result = await this.indicators
      .check(name)
      .attempt(async () => {
        const { up, reason, isOver } = await check();
        if (isOver) more = { isOver };
        if (!up) throw new Error(reason ?? 'down');
        return reason === undefined ? undefined : { reason };
      })
      .withTimeout(PROBE_TIMEOUT_MS);
    return { [name]: { ...result[name]!, ...more } };
  }

  /** Work that cannot be written down is not done. */
  private async writeToRedis() {
    await this.context.connections.tryWrite();
    return { up: true };
  }

  private async pingRedis() {
    if (!this.context.connections.isReady) return { up: false, reason: 'Redis is not reachable' };
    await this.context.connections.commands.ping();
    return { up: true };
  }
}
