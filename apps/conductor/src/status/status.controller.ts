import { SystemStatus } from '@conductor/contracts';
import { Answers, ApiOperation, ApiTags, Fails } from '@conductor/http';
import { Controller, Get, Inject } from '@nestjs/common';
import { SystemStatusReader } from './system-status';

@ApiTags('status')
@Controller('v1/status')
export class StatusController {
  constructor(@Inject(SystemStatusReader) private readonly status: SystemStatusReader) {}

  @Get()
  @ApiOperation({ summary: 'The whole system at a glance' })
  @Answers(200, SystemStatus)
  @Fails('redis-unavailable')
  read(): Promise<SystemStatus> {
    return this.status.read();
  }
}
