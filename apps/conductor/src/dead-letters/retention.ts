import type { Logger } from '@conductor/observability';
import { Cron } from '@nestjs/schedule';
import type { LetterBox } from './letter-box';

/** Ends dead letters whose time is over. */
export class DeadLetterRetention {
  constructor(
    private readonly box: LetterBox,
    private readonly retentionMs: number,
    private readonly isActive: () => boolean,
    private readonly logger: Logger,
  ) {}

  @Cron('0 17 * * * *')
  async prune(): Promise<void> {
    if (!this.isActive()) return;
    try {
      const ended = await this.box.discardAll({ olderThanMs: this.retentionMs }, `kept for ${Math.round(this.retentionMs / 86_400_000)} days and never redriven`);
      if (ended > 0) this.logger.info({ ended }, 'dead letters were discarded because their time is over');
    } catch (error) {
      this.logger.warn({ err: error }, 'old dead letters could not be discarded; tried again in an hour');
    }
  }
}
