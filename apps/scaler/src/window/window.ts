/** The latest half hour of every series, one figure a period, in arrays that are made once: 50 platforms take a megabyte. */
export class Window {
  private readonly slots: number;
  private readonly series = new Map<string, { values: Float32Array; lastSlot: number }>();

  /** @param lengthMs,periodMs a slot begins at each whole multiple of the period */
  constructor(
    readonly lengthMs = 1_800_000,
    readonly periodMs = 5_000,
  ) {
    this.slots = Math.ceil(lengthMs / periodMs);
  }

  /** The latest figure of a period stands; periods without one are gaps. A clock that was set back begins anew. */
  put(name: string, at: number, value: number): void {
    if (!Number.isFinite(value)) return;
    const slot = Math.floor(at / this.periodMs);
    const known = this.series.get(name);
    const series = known && slot >= known.lastSlot ? known : { values: new Float32Array(this.slots).fill(NaN), lastSlot: slot };
    for (let gap = Math.max(series.lastSlot + 1, slot - this.slots + 1); gap <= slot; gap++) series.values[gap % this.slots] = NaN;
    series.values[slot % this.slots] = value;
    series.lastSlot = slot;
    this.series.set(name, series);
  }

  names(): string[] {
    return [...this.series.keys()].sort();
  }

  /** Oldest first, gaps left out. */
  read(name: string): Array<{ at: number; value: number }> {
    const series = this.series.get(name);
    if (!series) return [];
    const first = Math.max(0, series.lastSlot - this.slots + 1);
    return Array.from({ length: series.lastSlot - first + 1 }, (_, n) => first + n)
      .map((slot) => ({ at: slot * this.periodMs, value: series.values[slot % this.slots]! }))
      .filter(({ value }) => !Number.isNaN(value));
  }

  /** Drops what has been silent for longer than the window. */
  forgetSilent(now: number): void {
    for (const [name, { lastSlot }] of this.series) if (now - lastSlot * this.periodMs > this.lengthMs) this.series.delete(name);
  }
}
