import { ROLLUP_MS } from '@conductor/contracts';
import type { Logger } from '@conductor/observability';
import type { MetricsRetention, PluginLog, ScalingHistory, ScalingLog } from '@conductor/persistence';
import { Cron } from '@nestjs/schedule';

/** How long single figures, and hours, are kept. */
export interface KeptFor {
  readonly rawRetentionMs: number;
  readonly hourlyRetentionMs: number;
}

/** Once an hour, when the hour before is complete and written. */
export class HistoryUpkeep {
  constructor(
    private readonly metrics: MetricsRetention,
    private readonly scaling: { log: ScalingLog; history: ScalingHistory },
    private readonly plugins: PluginLog,
    private readonly kept: KeptFor,
    private readonly isActive: () => boolean,
    private readonly logger: Logger,
  ) {}

  /** Turns old checks into hourly roll-ups and removes what is too old. What a lost hour leaves undone, the next one does. */
  @Cron('0 7 * * * *', { name: 'upkeep of history', waitForCompletion: true })
  async run(): Promise<void> {
    if (!this.isActive()) return;
    const now = Date.now();
    try {
      const hours = await this.metrics.rollUp(now);
      const pruned = { ...(await this.metrics.prune(now)), ...(await this.pruneScaling(now)), plugins: await this.plugins.prune(now - this.kept.hourlyRetentionMs) };
      this.logger.info({ hours, pruned }, 'the history is rolled up');
    } catch (error) {
      this.logger.warn({ err: error }, 'the history could not be rolled up; the next hour makes up for it');
    }
  }

  private async pruneScaling(now: number): Promise<{ rollups: number; decisions: number }> {
    const { log, history } = this.scaling;
    const { rawRetentionMs, hourlyRetentionMs } = this.kept;
    const rollups = (await history.prune(ROLLUP_MS.fine, now - rawRetentionMs)) + (await history.prune(ROLLUP_MS.coarse, now - hourlyRetentionMs));
    return { rollups, decisions: await log.prune(now - hourlyRetentionMs) };
  }
}
