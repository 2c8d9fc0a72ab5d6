import { PluginName } from '@conductor/contracts';
import { Allow, ApiExcludeEndpoint, ForEventStreams, ZodParam, ZodQuery } from '@conductor/http';
import { Controller, Headers, Inject, Sse } from '@nestjs/common';
import type { z } from 'zod';
import { WAITING } from '../events/event-stream';
import { PluginStreams } from './plugin-streams';
import { LogsQuery } from './plugin-wording';

/** The doors of the same paths, for who asks with `Accept: text/event-stream`: what there is, and then what comes. */
@Controller('v1/plugins')
export class PluginStreamsController {
  constructor(@Inject(PluginStreams) private readonly streams: PluginStreams) {}

  @Sse(':name/logs', WAITING)
  @ForEventStreams()
  @Allow('operator')
  @ApiExcludeEndpoint()
  logs(@ZodParam('name', PluginName) name: string, @ZodQuery(LogsQuery) { limit }: z.output<typeof LogsQuery>, @Headers('last-event-id') lastEventId: string | undefined) {
    return this.streams.logs(name, limit, lastEventId);
  }

  @Sse(':name/resources', WAITING)
  @ForEventStreams()
  @ApiExcludeEndpoint()
  resources(@ZodParam('name', PluginName) name: string) {
    return this.streams.resources(name);
  }
}
