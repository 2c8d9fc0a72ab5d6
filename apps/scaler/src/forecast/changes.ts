import { FadingSums } from './fading-sums';
import type { Figures } from './figures';

const enum Sum { Product, Squared }

/**
 * Whether a series' changes tell anything of the next ones: under noise around a level each is followed by one back, in a trend by
 * one more of its kind; in a random walk by nothing, and there no model errs less than `last-value`. This shows long before the
 * models' errors do, which also matter only once they can be told from chance.
 */
export class Changes {
  private readonly sums: FadingSums;
  private latest = NaN;
  private change = NaN;

  constructor(halfLifeMs: number) {
    this.sums = new FadingSums(halfLifeMs, 2);
  }

  add(at: number, value: number): void {
    const change = value - this.latest;
    const product = change * this.change;
    this.latest = value;
    this.change = change;
    if (Number.isNaN(product)) return;
    this.sums.fadeTo(at);
    this.sums.add(Sum.Product, product);
    this.sums.add(Sum.Squared, product * product);
  }

  save(into: Figures): void {
    this.sums.save(into);
  }

  load(from: Figures): void {
    this.sums.load(from);
  }

  /** How surely a change depends on the one before, in standard errors (robust against uneven spread). Never below 0. */
  get evidence(): number {
    const squared = this.sums.get(Sum.Squared);
    return squared > 0 ? Math.abs(this.sums.get(Sum.Product)) / Math.sqrt(squared) : 0;
  }
}
