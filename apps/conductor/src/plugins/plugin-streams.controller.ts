import { PluginName } from '@conductor/contracts';
import { Allow, ApiExcludeEndpoint, ForEventStreams, OpenStreams, ZodParam, ZodQuery } from '@conductor/http';
import { Controller, Headers, Inject, Req, Sse } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { WAITING } from '../events/event-stream';
import { PluginStreams } from './plugin-streams';
import { LogsQuery } from './plugin-wording';

/** The doors of the same paths, for who asks with `Accept: text/event-stream`: what there is, and then what comes. */
@Controller('v1/plugins')
export class PluginStreamsController {
  constructor(
    @Inject(PluginStreams) private readonly streams: PluginStreams,
    @Inject(OpenStreams) private readonly open: OpenStreams,
  ) {}

  @Sse(':name/logs', WAITING)
  @ForEventStreams()
  @Allow('operator')
  @ApiExcludeEndpoint()
  async logs(@ZodParam('name', PluginName) name: string, @ZodQuery(LogsQuery) { limit }: z.output<typeof LogsQuery>, @Headers('last-event-id') lastEventId: string | undefined, @Req() request: FastifyRequest) {
    return this.open.guard(request, await this.streams.logs(name, limit, lastEventId));
  }

  @Sse(':name/resources', WAITING)
  @ForEventStreams()
  @ApiExcludeEndpoint()
  async resources(@ZodParam('name', PluginName) name: string, @Req() request: FastifyRequest) {
    return this.open.guard(request, await this.streams.resources(name));
  }
}
