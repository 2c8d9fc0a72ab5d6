import { Controller, Get, Inject, Post } from '@nestjs/common';
import { PlatformName, PlatformView } from '@conductor/contracts';
import { PlatformDirectory } from '@conductor/control';
import { Answers, ApiOperation, ApiTags, Caller, Fails, Trace, ZodBody, ZodParam } from '@conductor/http';
import { z } from 'zod';
import { Changes } from '../audit/changes';
import { PlatformViews } from './platform-views';
import { ScaleBounds, ScaleWish } from './scale-wish';

const Reason = z.strictObject({ reason: z.string().min(1).max(500).optional() }).optional().meta({ example: { reason: 'maintenance until noon' } });
type Reason = z.output<typeof Reason>;
const Pin = z.strictObject({ pinned: z.boolean().default(true) }).optional().meta({ example: { pinned: true } });

/** The platforms: how they are, and what is wanted of them. */
@ApiTags('platforms')
@Controller('v1/platforms')
export class PlatformsController {
  constructor(
    @Inject(PlatformViews) private readonly views: PlatformViews,
    @Inject(PlatformDirectory) private readonly directory: PlatformDirectory,
    @Inject(ScaleBounds) private readonly bounds: ScaleBounds,
    @Inject(Changes) private readonly changes: Changes,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Every platform: state, reason, instances, breaker and queue' })
  @Answers(200, z.object({ items: z.array(PlatformView) }))
  async list() {
    return { items: await this.views.all() };
  }

  @Get(':name')
  @ApiOperation({ summary: 'One platform: state, reason, instances, breaker and queue' })
  @Answers(200, PlatformView)
  @Fails('not-found')
  one(@ZodParam('name', PlatformName) name: string) {
    return this.views.one(name);
  }

  @Post(':name/enable')
  @ApiOperation({ summary: 'Starts it again wherever it was disabled or suspended' })
  @Answers(200, PlatformView)
  @Fails('not-found', 'redis-unavailable')
  enable(@ZodParam('name', PlatformName) name: string, @ZodBody(Reason) body: Reason, @Caller() caller: Caller, @Trace() trace: string) {
    return this.wish('platform.enable', name, { enabled: true, suspended: null, reason: body?.reason ?? null }, caller, trace);
  }

  @Post(':name/disable')
  @ApiOperation({ summary: 'It finishes what it has in hand and stops; messages for it wait or go to their fallbacks' })
  @Answers(200, PlatformView)
  @Fails('not-found', 'redis-unavailable')
  disable(@ZodParam('name', PlatformName) name: string, @ZodBody(Reason) body: Reason, @Caller() caller: Caller, @Trace() trace: string) {
    const reason = body?.reason ?? `switched off by ${caller.name}`;
    return this.wish('platform.disable', name, { enabled: false, reason }, caller, trace);
  }

  @Post(':name/restart')
  @ApiOperation({ summary: 'Every instance finishes what it has in hand, shuts its platform down and starts it anew; the process stays' })
  @Answers(200, PlatformView)
  @Fails('not-found', 'redis-unavailable')
  restart(@ZodParam('name', PlatformName) name: string, @Caller() caller: Caller, @Trace() trace: string) {
    const restarts = (this.directory.desired.get(name)?.restarts ?? 0) + 1;
    return this.wish('platform.restart', name, { restarts }, caller, trace);
  }

  @Post(':name/pin')
  @ApiOperation({ summary: 'A pinned platform is never shed by the scaler' })
  @Answers(200, PlatformView)
  @Fails('not-found', 'redis-unavailable')
  pin(@ZodParam('name', PlatformName) name: string, @ZodBody(Pin) body: z.output<typeof Pin>, @Caller() caller: Caller, @Trace() trace: string) {
    return this.wish('platform.pin', name, { pinned: body?.pinned ?? true }, caller, trace);
  }

  @Post(':name/scale')
  @ApiOperation({ summary: 'How many processes run it, and how many messages each has in hand at once. Obeyed live; the scaler may wish for something else later' })
  @Answers(200, PlatformView)
  @Fails('invalid-request', 'not-found', 'conflict', 'redis-unavailable')
  async scale(@ZodParam('name', PlatformName) name: string, @ZodBody(ScaleWish) body: ScaleWish, @Caller() caller: Caller, @Trace() trace: string) {
    this.views.mustExist(name);
    await this.bounds.check(name, body);
    return this.wish('platform.scale', name, body, caller, trace);
  }

  private async wish(action: string, name: string, patch: Parameters<PlatformDirectory['desire']>[1], caller: Caller, trace: string) {
    this.views.mustExist(name);
    const before = this.directory.desired.get(name);
    const after = await this.directory.desire(name, patch);
    await this.changes.record({ caller, action, subject: name, before, after, trace });
    return this.views.one(name);
  }
}
