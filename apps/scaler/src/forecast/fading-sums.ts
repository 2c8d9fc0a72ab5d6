import type { Figures } from './figures';

/** Several sums whose terms lose half of their weight in every half-life. */
export class FadingSums {
  private readonly sums: Float64Array;
  private upTo = NaN;

  constructor(
    private readonly halfLifeMs: number,
    count: number,
  ) {
    this.sums = new Float64Array(count);
  }

  /** Lets time pass up to `at`; a clock that was set back lets none pass. */
  fadeTo(at: number): void {
    if (at > this.upTo) {
      const left = 0.5 ** ((at - this.upTo) / this.halfLifeMs);
      for (let index = 0; index < this.sums.length; index++) this.sums[index]! *= left;
    }
    this.upTo = at;
  }

  save(into: Figures): void {
    into.put(...this.sums);
  }

  load(from: Figures): void {
    for (let index = 0; index < this.sums.length; index++) this.sums[index] = from.take();
    this.upTo = from.at;
  }

  add(index: number, amount: number): void {
    this.sums[index]! += amount;
  }

  get(index: number): number {
    return this.sums[index]!;
  }
}
