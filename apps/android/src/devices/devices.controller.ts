import { Allow, Answers, APP_CONTEXT, type AppContext, ApiTags, Caller, Fails, Problem, ZodBody, ZodParam, ZodQuery } from '@conductor/http';
import { Controller, Delete, Get, Inject, Post } from '@nestjs/common';
import { z } from 'zod';
import { Device, DeviceId, Devices, UserId } from './devices';

const NewDevice = z.strictObject({ user: UserId, name: z.string().min(1).max(100).optional() }).meta({ example: { user: 'ada', name: 'my phone' } });
const CreatedDevice = Device.extend({ deviceKey: z.string().describe('shown once, here; the phone keeps it') });
const DevicesQuery = z.strictObject({ user: UserId.optional() });
const DeviceList = z.object({ items: z.array(Device) });

/** For operators: which phones may log in, and as whom. */
@ApiTags('devices')
@Controller('v1/devices')
export class DevicesController {
  constructor(
    private readonly devices: Devices,
    @Inject(APP_CONTEXT) private readonly context: AppContext,
  ) {}

  @Post()
  @Allow('operator')
  @Answers(201, CreatedDevice)
  @Fails('invalid-request', 'platform-unavailable', 'redis-unavailable')
  async create(@ZodBody(NewDevice) { user, name }: z.output<typeof NewDevice>, @Caller() key: Caller): Promise<z.output<typeof CreatedDevice>> {
    const device = await this.devices.create(user, name);
    this.context.security.tell({ action: 'device.create', subject: device.deviceId, key });
    return device;
  }

  @Get()
  @Allow('operator')
  @Answers(200, DeviceList)
  @Fails('platform-unavailable', 'redis-unavailable')
  async list(@ZodQuery(DevicesQuery) { user }: z.output<typeof DevicesQuery>): Promise<z.output<typeof DeviceList>> {
    return { items: await this.devices.list(user) };
  }

  /** Closes its sockets and voids its tokens. */
  @Delete(':id')
  @Allow('operator')
  @Answers(204, undefined, 'it is gone')
  @Fails('not-found', 'platform-unavailable', 'redis-unavailable')
  async remove(@ZodParam('id', DeviceId) id: string, @Caller() key: Caller): Promise<void> {
    if (!(await this.devices.remove(id))) throw new Problem('not-found', `There is no device ${id}.`);
    this.context.security.tell({ action: 'device.remove', subject: id, key });
  }
}
