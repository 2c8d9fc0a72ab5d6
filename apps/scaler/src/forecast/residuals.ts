import type { Figures } from './figures';

const BINS = 64;
/** Residuals are counted from -8 to 8 scales in steps of a quarter; what lies beyond counts at the edge. */
const REACH = 8;
export const STEP = (2 * REACH) / BINS;
/** Before anything is known: as if so many residuals had been seen, spread like a Laplace distribution. */
const PRIOR_WEIGHT = 30;
const PRIOR = Array.from({ length: BINS }, (_, bin) => Math.exp(-Math.abs(-REACH + (bin + 0.5) * STEP)));
const PRIOR_SUM = PRIOR.reduce((sum, share) => sum + share, 0);

/** The distribution of a model's residuals, in units of its own recent scale, as a histogram in which old ones fade. */
export class Residuals {
  private readonly counts = Float32Array.from(PRIOR, (share) => (share / PRIOR_SUM) * PRIOR_WEIGHT);
  /** Share of residuals below the upper edge of each bin. */
  private readonly below = new Float32Array(BINS);
  private sum = PRIOR_WEIGHT;
  private stale = true;

  /** @param left what is left of all earlier residuals, 0 to 1 */
  add(residual: number, left: number): void {
    const bin = Math.min(BINS - 1, Math.max(0, Math.floor((residual + REACH) / STEP)));
    for (let index = 0; index < BINS; index++) this.counts[index]! *= left;
    this.counts[bin]! += 1;
    this.sum = this.sum * left + 1;
    this.stale = true;
  }

  /** The residual below which the share `q` of them lies. */
  quantile(q: number): number {
    this.refresh();
    let bin = 0;
    while (bin < BINS - 1 && this.below[bin]! < q) bin++;
    const before = bin > 0 ? this.below[bin - 1]! : 0;
    const inBin = this.below[bin]! - before;
    return -REACH + (bin + (inBin > 0 ? Math.min(1, Math.max(0, (q - before) / inBin)) : 0.5)) * STEP;
  }

  /** Share of residuals below `residual`. */
  shareBelow(residual: number): number {
    this.refresh();
    const position = (residual + REACH) / STEP;
    if (position <= 0) return 0;
    if (position >= BINS) return 1;
    const bin = Math.floor(position);
    const before = bin > 0 ? this.below[bin - 1]! : 0;
    return before + (position - bin) * (this.below[bin]! - before);
  }

  save(into: Figures): void {
    into.put(this.sum, ...this.counts);
  }

  load(from: Figures): void {
    this.sum = from.take();
    for (let bin = 0; bin < BINS; bin++) this.counts[bin] = from.take();
    this.stale = true;
  }

  private refresh() {
    if (!this.stale) return;
    let sum = 0;
    for (let bin = 0; bin < BINS; bin++) {
      sum += this.counts[bin]!;
      this.below[bin] = sum / this.sum;
    }
    this.stale = false;
  }
}
