import { FadingSums } from './fading-sums';
import type { Figures } from './figures';
import { type Residuals, STEP } from './residuals';
import { isUnder, TOLERATED } from './under-provisioning';

/**
 * What one breach is taken to cost, in units of the series' mean level: at 0.7 it is worth preparing 0.7 mean levels too much
 * for one period, if that avoids a breach for sure. At 0, what the model expects is all that is prepared for.
 */
export const PRICES = [0, 0.05, 0.15, 0.35, 0.7, 1.2, 2, 4, 8] as const;
/** What each price usually brings: its error as a share of that of `last-value`, its breaches as a share of those of the larger of `linear` and `last-value`. Medians over recorded traffic. */
const USUAL_ERROR = [0.88, 0.88, 0.89, 0.92, 0.97, 1.04, 1.14, 1.32, 1.5] as const;
const USUAL_UNDER = [1.36, 1.34, 1.15, 0.91, 0.67, 0.49, 0.37, 0.23, 0.15] as const;
/** Until there is evidence. */
const FIRST_PRICE = PRICES.indexOf(0.35);
/** So many truths weigh as much as what is usual. Breaches are rare, so they take longer to count. */
const [ERRORS_KNOWN, UNDER_KNOWN] = [120, 300];
/** Added to both counts of breaches, so that one in few truths does not decide. */
const PRIOR_BREACHES = 1;
/** The choice is made as if it held for half as long again as the record is, and so many truths: time to make up for what was in force before. */
const [AHEAD, LEAST_AHEAD] = [0.5, 20];
/** A little more for breaches, which are counted less surely. */
const UNDER_WEIGHS = 1.07;
/** Head-room is sought from 2 scales below the model's expectation to 6 above. */
const [LOWEST, HIGHEST] = [-2, 6];

const enum Base { LastError, LargerUnder, Weight, Error, Under, Prices }

/**
 * How much more than a model expects should be prepared for. Both ways of being wrong are priced, in the same unit: what is prepared in vain
 * costs itself, a breach costs a price; the point where their expected sum is least, by the residuals that the model really
 * had, is the forecast. Where little is at stake (a quiet night) much head-room is cheap, and breaches are likely; where much is, the
 * opposite. So it takes away most breaches for little error.
 *
 * Which price is right shows in the truths. There are two measures: the error of `last-value`, and the breaches of the larger of `linear` and
 * `last-value`. Books are kept of both, for what was really in force and for every price in shadow; the price is taken with which the
 * books would stand furthest below both, and none that would bring the error above its measure. So what was saved is spent where it is missing.
 */
export class HeadRoom {
  private readonly books: FadingSums;
  private chosen: number = FIRST_PRICE;

  constructor(halfLifeMs: number) {
    this.books = new FadingSums(halfLifeMs, Base.Prices + 2 * PRICES.length);
  }

  /** The price in force, as an index into `PRICES`. */
  get price(): number {
    return this.chosen;
  }

  /** Takes in what became of forecasts at every price, which begin at `atPrices` in `cells`, of the one in force, and of the two that they are measured by. */
  learn(at: number, truth: number, made: { cells: ArrayLike<number>; atPrices: number; inForce: number; lastValue: number; linear: number }): void {
    const { books } = this;
    books.fadeTo(at);
    books.add(Base.LastError, Math.abs(truth - made.lastValue));
    books.add(Base.LargerUnder, isUnder(Math.max(made.lastValue, made.linear), truth) ? 1 : 0);
    books.add(Base.Weight, 1);
    books.add(Base.Error, Math.abs(truth - made.inForce));
    books.add(Base.Under, isUnder(made.inForce, truth) ? 1 : 0);
    for (let price = 0; price < PRICES.length; price++) {
      const point = made.cells[made.atPrices + price]!;
      books.add(errorsAt(price), Math.abs(truth - point));
      books.add(breachesAt(price), isUnder(point, truth) ? 1 : 0);
    }
    this.choose();
  }

  save(into: Figures): void {
    into.put(this.chosen);
    this.books.save(into);
  }

  load(from: Figures): void {
    this.chosen = from.takeIndex(PRICES.length);
    this.books.load(from);
  }

  private choose() {
    const { books } = this;
    const weight = books.get(Base.Weight);
    const lastError = books.get(Base.LastError);
    const largerUnder = books.get(Base.LargerUnder);
    const ahead = AHEAD + LEAST_AHEAD / weight;
    const [errorKnown, underKnown] = [weight / (weight + ERRORS_KNOWN), weight / (weight + UNDER_KNOWN)];
    this.chosen = 0;
    if (!(lastError > 0)) return;
    let best = Infinity;
    for (let price = 0; price < PRICES.length; price++) {
      const errors = mix(errorKnown, books.get(errorsAt(price)), lastError * USUAL_ERROR[price]!);
      const error = (books.get(Base.Error) + ahead * errors) / ((1 + ahead) * lastError);
      if (price > 0 && error > 1) continue;
      const breaches = mix(underKnown, books.get(breachesAt(price)), largerUnder * USUAL_UNDER[price]!);
      const under = (books.get(Base.Under) + ahead * breaches + PRIOR_BREACHES * USUAL_UNDER[price]!) / ((1 + ahead) * largerUnder + PRIOR_BREACHES);
      const worse = Math.max(error, UNDER_WEIGHS * under);
      if (worse >= best) continue;
      best = worse;
      this.chosen = price;
    }
  }
}

const mix = (share: number, known: number, usual: number): number => share * known + (1 - share) * usual;
const errorsAt = (price: number): number => Base.Prices + 2 * price;
const breachesAt = (price: number): number => Base.Prices + 2 * price + 1;

/** Scratch space: this runs for every series and look-ahead in every tick. */
const least = new Float64Array(PRICES.length);

/**
 * What to prepare for at every price, written into `into`.
 * @param point what the model expects, `scale` how far off it usually is, `level` the long-run mean of the series
 */
export const preparedFor = (point: number, scale: number, level: number, residuals: Residuals, into: Float64Array): void => {
  into.fill(point);
  if (!(scale > 0)) return;
  least.fill(Infinity);
  // The expected error grows by the share of residuals below minus the share above; only differences matter here.
  let error = 0;
  for (let room = LOWEST; room <= HIGHEST; room += STEP) {
    const prepared = Math.max(0, point + room * scale);
    const breach = 1 - residuals.shareBelow(((1 + TOLERATED) * prepared - point) / scale);
    for (let price = 1; price < PRICES.length; price++) {
      const cost = scale * error + PRICES[price]! * level * breach;
      if (cost >= least[price]!) continue;
      least[price] = cost;
      into[price] = prepared;
    }
    error += STEP * (2 * residuals.shareBelow(room + STEP / 2) - 1);
  }
};
