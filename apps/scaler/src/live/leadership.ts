import type { FencedLease } from '@conductor/control';

/**
 * Whether this scaler is the one that decides, and under which number. It believes so no longer than the lease it took, counted from before it
 * asked; and what it wishes for later than that is refused by its number.
 */
export class Leadership {
  private heldUntil = 0;
  private number: number | undefined;
  private timer?: NodeJS.Timeout;

  constructor(
    private readonly lease: FencedLease,
    private readonly leaseMs: number,
  ) {}

  /** The number under which it may decide now; undefined while it stands by. */
  get token(): number | undefined {
    return performance.now() < this.heldUntil ? this.number : undefined;
  }

  async campaign(): Promise<void> {
    await this.renew();
    this.timer = setInterval(() => void this.renew(), this.leaseMs / 4).unref();
  }

  /** Another scaler need not wait for the lease to run out. */
  async resign(): Promise<void> {
    clearInterval(this.timer);
    this.heldUntil = 0;
    await this.lease.release();
  }

  /** Somebody else decides by now. */
  lost(): void {
    this.heldUntil = 0;
  }

  private async renew(): Promise<void> {
    const askedAt = performance.now();
    const token = await this.lease.hold();
    if (token !== undefined) [this.number, this.heldUntil] = [token, askedAt + this.leaseMs];
  }
}
