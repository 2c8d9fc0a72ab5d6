/** More names than that in one window are an attack, which must not fill the memory. */
const MOST_NAMES = 100_000;

/** Counts by name in windows of a minute, in memory: one instance's view, at the price of a map look-up. */
export class Quota {
  private readonly counts = new Map<string, number>();
  private endsAt = 0;

  constructor(
    private readonly limit: number,
    private readonly windowMs = 60_000,
  ) {}

  /** Counts one more. @returns whether it is still within the limit */
  take(name: string): boolean {
    this.turn();
    const count = (this.counts.get(name) ?? 0) + 1;
    this.counts.set(name, count);
    return count <= this.limit;
  }

  get secondsToNextWindow(): number {
    return Math.max(1, Math.ceil((this.endsAt - Date.now()) / 1_000));
  }

  private turn(): void {
    const now = Date.now();
    if (now < this.endsAt && this.counts.size < MOST_NAMES) return;
    this.counts.clear();
    this.endsAt = now + this.windowMs;
  }
}
