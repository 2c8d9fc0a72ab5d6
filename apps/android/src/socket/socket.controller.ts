import { ApiOperation, ApiTags, Fails, Problem, Public } from '@conductor/http';
import { Controller, Get } from '@nestjs/common';

/** Tells those who ask for the socket as for a page. WebSockets never come here: `SocketDoor` takes them from the HTTP server. */
@ApiTags('socket')
@Public()
@Controller('v1/socket')
export class SocketController {
  @Get()
  @ApiOperation({ summary: 'The WebSocket of a phone; its frames are described in apps/android/README.md' })
  @Fails('upgrade-required')
  refuse(): never {
    throw new Problem('upgrade-required', 'Phones connect here with a WebSocket: send "Upgrade: websocket", with a client that speaks it. The frames are described in apps/android/README.md.');
  }
}
