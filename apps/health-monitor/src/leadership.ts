import type { Lease } from '@conductor/control';

/**
 * Whether this monitor is the one that acts. It believes so no longer than the lease it took, counted from before it asked:
 * a process that was held up does not act on a lease that has passed to another.
 */
export class Leadership {
  private heldUntil = 0;

  constructor(
    private readonly lease: Lease,
    private readonly leaseMs: number,
  ) {}

  get held(): boolean {
    return performance.now() < this.heldUntil;
  }

  async renew(): Promise<boolean> {
    const askedAt = performance.now();
    this.heldUntil = (await this.lease.holds()) ? askedAt + this.leaseMs : 0;
    return this.held;
  }

  /** The next monitor need not wait for the lease to run out. */
  async resign(): Promise<void> {
    this.heldUntil = 0;
    await this.lease.release();
  }
}
