import type { AppContext } from '@conductor/http';
import { type DynamicModule, Module } from '@nestjs/common';
import { CheckHistory } from './check-history';
import { CurrentHealth } from './current-health';
import { HealthController } from './health.controller';
import { HealthMonitor } from './health-monitor';
import { openMonitor } from './open-monitor';

@Module({})
export class HealthMonitorModule {
  static register(context: AppContext): DynamicModule {
    return {
      module: HealthMonitorModule,
      controllers: [HealthController],
      providers: [
        { provide: CurrentHealth, useFactory: () => new CurrentHealth(context.connections) },
        { provide: CheckHistory, useFactory: () => context.resources.hold('history of checks', new CheckHistory(context.config), (open) => open.close()) },
        { provide: HealthMonitor, useFactory: () => openMonitor(context) },
      ],
    };
  }
}
