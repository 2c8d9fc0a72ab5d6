/** Deviations smaller than this are not counted, in units of the usual error. */
const TOLERANCE = 0.5;
/** So much excess in sum is drift: ten errors of four times the usual, or the like. */
const THRESHOLD = 25;
/** One wild error says little. */
const MOST = 6;
/** A usual error below this share of the level is none to worry about. */
const LEAST = 0.01;
/** Before so many errors nobody knows what is usual. */
const ENOUGH = 30;

/** Page and Hinkley's test: tells when errors have risen for good. */
export class PageHinkley {
  private count = 0;
  private mean = 0;
  private excess = 0;

  /** @param error as a share of the series' level; @returns whether they have; then it begins anew */
  add(error: number): boolean {
    const usual = Math.max(LEAST, this.mean);
    const bounded = this.count > 0 ? Math.min(error, MOST * usual) : error;
    this.count++;
    this.mean += (bounded - this.mean) / this.count;
    if (this.count < ENOUGH) return false;
    this.excess = Math.max(0, this.excess + bounded / usual - 1 - TOLERANCE);
    if (this.excess < THRESHOLD) return false;
    this.reset();
    return true;
  }

  reset(): void {
    [this.count, this.mean, this.excess] = [0, 0, 0];
  }
}
