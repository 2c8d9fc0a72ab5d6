/** So much a second, with a reserve for bursts; a token bucket. */
export class Allowance {
  private left: number;
  private filledAt = performance.now();

  constructor(
    private readonly perSecond: number,
    private readonly burst = perSecond,
  ) {
    this.left = burst;
  }

  /** Whether `amount` may pass now. What may not is not counted. */
  take(amount = 1): boolean {
    const now = performance.now();
    this.left = Math.min(this.burst, this.left + ((now - this.filledAt) / 1_000) * this.perSecond);
    this.filledAt = now;
    if (this.left < amount) return false;
    this.left -= amount;
    return true;
  }
}
