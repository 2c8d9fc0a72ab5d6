import type { AppContext } from '@conductor/http';
import { type DynamicModule, Module } from '@nestjs/common';
import { openScaler } from './open-scaler';
import { Window } from './window/window';
import { WindowController } from './window.controller';

@Module({})
export class ScalerModule {
  static async register(context: AppContext): Promise<DynamicModule> {
    const { window } = await openScaler(context);
    return { module: ScalerModule, controllers: [WindowController], providers: [{ provide: Window, useValue: window }] };
  }
}
