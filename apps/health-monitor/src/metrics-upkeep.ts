import { APP_CONTEXT, type AppContext } from '@conductor/http';
import { MetricsRetention } from '@conductor/persistence';
import { Inject, Injectable } from '@nestjs/common';
import { Cron } from '@nestjs/schedule';
import { HealthMonitor } from './health-monitor';

/** Once an hour, when the hour before is complete and written. */
@Injectable()
export class MetricsUpkeep {
  constructor(
    private readonly monitor: HealthMonitor,
    private readonly retention: MetricsRetention,
    @Inject(APP_CONTEXT) private readonly context: AppContext,
  ) {}

  /** Turns old checks into hourly roll-ups and removes what is too old. What a lost hour leaves undone, the next one does. */
  @Cron('0 7 * * * *', { name: 'metrics upkeep', waitForCompletion: true })
  async run(): Promise<void> {
    const { logger } = this.context;
    if (!this.monitor.isActing) return;
    try {
      const hours = await this.retention.rollUp(Date.now());
      const pruned = await this.retention.prune(Date.now());
      logger.info({ hours, pruned }, 'the metrics are rolled up');
    } catch (error) {
      logger.warn({ err: error }, 'the metrics could not be rolled up; the next hour makes up for it');
    }
  }
}
