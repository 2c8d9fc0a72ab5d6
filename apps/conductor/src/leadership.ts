import type { Lease } from '@conductor/control';
import type { Logger } from '@conductor/observability';

/** One conductor is active, others stand by and take over. */
export class Leadership {
  private active = false;
  private heldAt = 0;
  private timer?: NodeJS.Timeout;

  /** @param leaseMs how long the lease stands without being renewed; it is renewed three times in that span */
  constructor(
    private readonly lease: Lease,
    private readonly leaseMs: number,
    private readonly logger: Logger,
    private readonly on: { active: () => void; passive: () => void },
  ) {}

  get isActive(): boolean {
    return this.active;
  }

  async campaign(): Promise<void> {
    await this.renew();
    this.timer = setInterval(() => void this.renew(), this.leaseMs / 3).unref();
  }

  async resign(): Promise<void> {
    clearInterval(this.timer);
    if (this.active) await this.lease.release();
  }

  private async renew() {
    const askedAt = performance.now();
    const held = await this.lease.holds();
    if (held) this.heldAt = askedAt;
    if (held && !this.active) {
      this.active = true;
      this.logger.info('this conductor is the active one');
      this.on.active();
    } else if (!held && this.active && performance.now() - this.heldAt > this.leaseMs) {
      // Redis was away, or this process was held up, for longer than the lease stands: another may be active by now.
      this.active = false;
      this.logger.warn('this conductor lost its lease and stands by');
      this.on.passive();
    }
  }
}
