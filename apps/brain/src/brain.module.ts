import type { AppContext } from '@conductor/http';
import { PlatformHost } from '@conductor/platform-kit';
import { type DynamicModule, Module } from '@nestjs/common';
import { brain } from './brain';
import { brainConfig } from './brain-config';

/** What answers when nobody else does. */
@Module({})
export class BrainModule {
  static async register(context: AppContext): Promise<DynamicModule> {
    return { module: BrainModule, providers: [{ provide: PlatformHost, useValue: await PlatformHost.open(context, [brain(brainConfig(context.config))]) }] };
  }
}
