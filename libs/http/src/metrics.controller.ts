import { Controller, Get, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { ApiExcludeController } from './api-docs';
import { Public } from './access';
import { APP_CONTEXT, type AppContext } from './app-context';
import { routeConfig } from './route-config';

/**
 * For Prometheus. Open without a key, as scrapers expect: it holds counts and names of platforms and routes, no contents and no
 * people. Doors listen on loopback unless told otherwise; whoever opens one to a network decides who reaches this path.
 */
@ApiExcludeController()
@Controller('metrics')
@Public()
@routeConfig({ limited: false })
export class MetricsController {
  constructor(@Inject(APP_CONTEXT) private readonly context: AppContext) {}

  @Get()
  async scrape(@Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    const { registry } = this.context.metrics;
    reply.header('content-type', registry.contentType);
    return registry.metrics();
  }
}
