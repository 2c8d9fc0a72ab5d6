import type { AppContext } from '@conductor/http';
import { Database, MetricsWriter, PersistenceModule, TransitionLog } from '@conductor/persistence';
import { type DynamicModule, Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { CurrentHealth } from './current-health';
import { HealthController } from './health.controller';
import { HealthMonitor } from './health-monitor';
import { MetricsUpkeep } from './metrics-upkeep';
import { openHistory } from './open-history';
import { openMonitor } from './open-monitor';

@Module({})
export class HealthMonitorModule {
  static register(context: AppContext): DynamicModule {
    const { config, connections, logger } = context;
    return {
      module: HealthMonitorModule,
      imports: [
        ScheduleModule.forRoot(),
        PersistenceModule.register({
          home: config.home,
          databaseUrl: config.databaseUrl,
          retention: { keepRawMs: config.metrics.rawRetentionMs, keepHourlyMs: config.metrics.hourlyRetentionMs, keepTransitionsMs: config.metrics.hourlyRetentionMs },
          writers: { onEvent: (event) => logger[event.type === 'back' ? 'info' : 'warn']({ ...event }, 'history: the database is or was away') },
          onWarning: (message) => logger.warn({ reason: message }, 'database'),
        }),
      ],
      controllers: [HealthController],
      providers: [
        MetricsUpkeep,
        { provide: CurrentHealth, useFactory: () => new CurrentHealth(connections) },
        {
          provide: HealthMonitor,
          inject: [Database, MetricsWriter, TransitionLog],
          useFactory: (database: Database, metrics: MetricsWriter, transitions: TransitionLog) => {
            openHistory(context, database, metrics, transitions);
            return openMonitor(context, { metrics, transitions });
          },
        },
      ],
    };
  }
}
