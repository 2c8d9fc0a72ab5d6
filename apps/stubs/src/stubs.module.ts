import type { AppContext } from '@conductor/http';
import { PlatformHost } from '@conductor/platform-kit';
import { type DynamicModule, Module } from '@nestjs/common';
import { stubs } from './platforms/stubs';

/** The platforms that are not hooked up yet. */
@Module({})
export class StubsModule {
  static async register(context: AppContext): Promise<DynamicModule> {
    return { module: StubsModule, providers: [{ provide: PlatformHost, useValue: await PlatformHost.open(context, stubs) }] };
  }
}
