import type { Lease } from '@conductor/control';
import type { Logger } from '@conductor/observability';

/** One conductor is active, others stand by and take over. */
export class Leadership {
  private active = false;
  private timer?: NodeJS.Timeout;

  constructor(
    private readonly lease: Lease,
    private readonly everyMs: number,
    private readonly logger: Logger,
    private readonly onActive: () => void,
  ) {}

  get isActive(): boolean {
    return this.active;
  }

  async campaign(): Promise<void> {
    await this.renew();
    this.timer = setInterval(() => void this.renew(), this.everyMs).unref();
  }

  async resign(): Promise<void> {
    clearInterval(this.timer);
    if (this.active) await this.lease.release();
  }

  private async renew() {
    const held = await this.lease.holds();
    if (held && !this.active) {
      this.active = true;
      this.logger.info('this conductor is the active one');
      this.onActive();
    } else if (!held && this.active) {
      // Redis away, or another took over while this process was held up. The lease decides again at the next renewal.
      this.logger.warn('the lease of the active conductor could not be renewed');
    }
  }
}
