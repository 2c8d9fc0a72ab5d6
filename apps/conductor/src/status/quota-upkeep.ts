import type { Ledger, WaitingQuota } from '@conductor/bus';
import type { Logger } from '@conductor/observability';
import { Cron } from '@nestjs/schedule';

/** Drops from the quotas what does not wait any more, and was not released because its process died. */
export class QuotaUpkeep {
  constructor(
    private readonly waiting: WaitingQuota,
    private readonly ledger: Ledger,
    private readonly isActive: () => boolean,
    private readonly logger: Logger,
  ) {}

  @Cron('23 * * * * *', { name: 'reconciling quotas', waitForCompletion: true })
  async run(): Promise<void> {
    if (!this.isActive()) return;
    try {
      const released = await this.waiting.reconcile((ids) => this.ledger.areSettled(ids));
      if (released > 0) this.logger.info({ released }, 'messages that do not wait any more were released from the quotas');
    } catch (error) {
      this.logger.debug({ err: error }, 'quotas could not be reconciled; the next minute makes up for it');
    }
  }
}
