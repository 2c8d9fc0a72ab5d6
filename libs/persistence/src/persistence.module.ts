import { Module, type DynamicModule } from '@nestjs/common';
import { AuditLog } from './audit-log';
import type { BatchWriterOptions } from './batch-writer';
import { Database, openDatabase } from './database';
import type { DatabaseOptions } from './database-options';
import { MetricsHistory } from './metrics-history';
import { MetricsRetention, type RetentionOptions } from './metrics-retention';
import { MetricsWriter } from './metrics-writer';
import { PluginLog } from './plugin-log';
import { ScalingHistory } from './scaling-history';
import { ScalingLog } from './scaling-log';
import { TransitionLog } from './transition-log';

export interface PersistenceOptions extends DatabaseOptions {
  retention?: RetentionOptions;
  writers?: BatchWriterOptions;
}

/**
 * The database and everything that is kept in it, for the whole app. It neither connects nor migrates by itself: the
 * app's start-up calls `Database.migrate()` when it is its turn. And it has no shutdown hook, on purpose: Nest runs those
 * side by side, so the database would close while consumers still write. The app's drain calls, last of all,
 * `MetricsWriter.flush()`, `TransitionLog.flush()` and `Database.close()`.
 */
@Module({})
export class PersistenceModule {
  static register({ retention = {}, writers = {}, ...options }: PersistenceOptions): DynamicModule {
    const providers = [
      { provide: Database, useFactory: () => openDatabase(options) },
      { provide: MetricsWriter, inject: [Database], useFactory: (database: Database) => new MetricsWriter(database, writers) },
      { provide: MetricsHistory, inject: [Database], useFactory: (database: Database) => new MetricsHistory(database, retention) },
      { provide: MetricsRetention, inject: [Database], useFactory: (database: Database) => new MetricsRetention(database, retention) },
      { provide: AuditLog, inject: [Database], useFactory: (database: Database) => new AuditLog(database) },
      { provide: TransitionLog, inject: [Database], useFactory: (database: Database) => new TransitionLog(database, writers) },
      { provide: PluginLog, inject: [Database], useFactory: (database: Database) => new PluginLog(database) },
      { provide: ScalingLog, inject: [Database], useFactory: (database: Database) => new ScalingLog(database, writers) },
      { provide: ScalingHistory, inject: [Database], useFactory: (database: Database) => new ScalingHistory(database, writers) },
    ];
    return { module: PersistenceModule, global: true, providers, exports: providers.map(({ provide }) => provide) };
  }
}
