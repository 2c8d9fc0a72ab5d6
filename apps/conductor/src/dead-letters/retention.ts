import type { DeadLetters } from '@conductor/bus';
import type { Logger } from '@conductor/observability';
import { Cron } from '@nestjs/schedule';
import type { LetterBox } from './letter-box';

/** Ends dead letters whose time is over, and takes in those of an older version. */
export class DeadLetterRetention {
  constructor(
    private readonly deadLetters: DeadLetters,
    private readonly box: LetterBox,
    private readonly retentionMs: number,
    private readonly isActive: () => boolean,
    private readonly logger: Logger,
  ) {}

  /** Routers and adapters may be of an older version for some time, so it is done again and again. */
  async adopt(): Promise<void> {
    try {
      const adopted = await this.deadLetters.adopt();
      if (adopted > 0) this.logger.info({ adopted }, 'dead letters of an older version were taken in');
    } catch (error) {
      this.logger.warn({ err: error }, 'dead letters of an older version could not be taken in; tried again in an hour');
    }
  }

  @Cron('0 17 * * * *')
  async prune(): Promise<void> {
    if (!this.isActive()) return;
    await this.adopt();
    try {
      const ended = await this.box.discardAll({ olderThanMs: this.retentionMs }, `kept for ${Math.round(this.retentionMs / 86_400_000)} days and never redriven`);
      if (ended > 0) this.logger.info({ ended }, 'dead letters were discarded because their time is over');
    } catch (error) {
      this.logger.warn({ err: error }, 'old dead letters could not be discarded; tried again in an hour');
    }
  }
}
