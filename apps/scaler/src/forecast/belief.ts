import { FadingSums } from './fading-sums';
import type { Figures } from './figures';

const enum Sum { Saved }
/** In standard errors: so surely the champion must err less than `last-value` to be believed, and to go on being so. */
const [SURE, STILL_SURE] = [3.5, 1];
/** So much more surely, while what was believed has cost more than it brought. */
const ONCE_BITTEN = 1;

/**
 * Whether what the champion says is what is expected. Until it is beyond chance that it errs less, the last value is: on a random
 * walk nothing beats it, and of all who try one seems to, for a while. What becomes of the belief goes into a book of its own.
 */
export class Belief {
  private readonly book: FadingSums;
  private believes = false;

  constructor(halfLifeMs: number) {
    this.book = new FadingSums(halfLifeMs, 1);
  }

  get inChampion(): boolean {
    return this.believes;
  }

  /** @param lastError,error what `last-value` got wrong about a truth, and what was expected */
  learn(at: number, lastError: number, error: number): void {
    this.book.fadeTo(at);
    this.book.add(Sum.Saved, lastError - error);
  }

  /** @param lead how surely the champion errs less than `last-value`, in standard errors */
  review(lead: number): void {
    const more = this.book.get(Sum.Saved) < 0 ? ONCE_BITTEN : 0;
    this.believes = lead > (this.believes ? STILL_SURE : SURE) + more;
  }

  save(into: Figures): void {
    into.put(this.believes ? 1 : 0);
    this.book.save(into);
  }

  load(from: Figures): void {
    this.believes = from.take() === 1;
    this.book.load(from);
  }
}
