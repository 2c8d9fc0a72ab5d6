/**
 * The latest samples of one series, oldest first, in two typed arrays that are moved together when they are full: 12 to 24 bytes a
 * sample instead of the 60 of an object each, and models run over them without a copy. Spacing may be uneven.
 */
export class SampleWindow {
  /** Valid from `from` up to, but without, `to`. */
  at = new Float64Array(16);
  value = new Float64Array(16);
  from = 0;
  to = 0;

  /** @param keepMs samples older than the latest by more than this are let go */
  constructor(private readonly keepMs: number) {}

  get size(): number {
    return this.to - this.from;
  }

  get latestAt(): number {
    return this.size > 0 ? this.at[this.to - 1]! : -Infinity;
  }

  get latest(): number {
    return this.size > 0 ? this.value[this.to - 1]! : NaN;
  }

  /** A sample at the time of the latest takes its place; one before it drops all that came after: the clock was set back. */
  add(at: number, value: number): void {
    while (this.size > 0 && this.at[this.to - 1]! >= at) this.to--;
    if (this.to === this.at.length) this.makeRoom();
    this.at[this.to] = at;
    this.value[this.to] = value;
    this.to++;
    while (this.at[this.from]! < at - this.keepMs) this.from++;
  }

  /** Index of the first sample that is not older than `at`. */
  since(at: number): number {
    let low = this.from;
    let high = this.to;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.at[middle]! < at) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private makeRoom() {
    const size = this.size;
    const grown = size > this.at.length * 0.75 ? this.at.length * 2 : this.at.length;
    const [at, value] = [new Float64Array(grown), new Float64Array(grown)];
    at.set(this.at.subarray(this.from, this.to));
    value.set(this.value.subarray(this.from, this.to));
    [this.at, this.value, this.from, this.to] = [at, value, 0, size];
  }
}
