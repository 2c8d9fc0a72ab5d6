import { FadingSums } from './fading-sums';
import type { Figures } from './figures';
import { isUnder } from './under-provisioning';

const enum Sum { Provided, Larger, Point, Weight }
/** Truths that come before a breach can be made up for; those that a look-ahead takes to become known come on top. */
const AHEAD = 30;
/** A breach that nobody has seen is assumed to be half seen in so many truths. */
const [PRIOR_BREACHES, PRIOR_WEIGHT] = [0.5, 10];
/** So much of a breach may be expected before the line is asked. */
const BEARABLE = 0.1;

/**
 * What is decided by, beside what is observed: the point with its head-room; and, while the books do not show that this breaches less,
 * the straight line too where it is higher. So what is provided for breaches no more often than `max(linear, last-value)`: with the
 * line it cannot, without it only what has been saved is at stake. A series of which nothing is known yet is provided for in that way from its first full window on.
 */
export class Provision {
  /** Breaches of what was provided for, of the larger of line and last value, and of the point without the line. */
  private readonly books: FadingSums;

  /** @param delay how many truths come before the one about a forecast that is made now */
  constructor(
    halfLifeMs: number,
    private readonly delay: number,
  ) {
    this.books = new FadingSums(halfLifeMs, 4);
  }

  of(point: number, linear: number): number {
    return this.asksTheLine ? Math.max(point, linear) : point;
  }

  learn(at: number, truth: number, made: { lastValue: number; linear: number; point: number; provision: number }): void {
    const { books } = this;
    const breach = (value: number) => (isUnder(Math.max(made.lastValue, value), truth) ? 1 : 0);
    books.fadeTo(at);
    books.add(Sum.Provided, breach(made.provision));
    books.add(Sum.Larger, breach(made.linear));
    books.add(Sum.Point, breach(made.point));
    books.add(Sum.Weight, 1);
  }

  save(into: Figures): void {
    this.books.save(into);
  }

  load(from: Figures): void {
    this.books.load(from);
  }

  private get asksTheLine(): boolean {
    const { books } = this;
    const rate = (books.get(Sum.Point) + PRIOR_BREACHES) / (books.get(Sum.Weight) + PRIOR_WEIGHT);
    return books.get(Sum.Provided) + rate * (AHEAD + this.delay) > books.get(Sum.Larger) + BEARABLE;
  }
}
