import { FadingSums } from './fading-sums';
import { type Residuals, STEP } from './residuals';
import type { ForecastRules } from './rules';
import { isUnder, TOLERATED } from './under-provisioning';

/**
 * What one breach is taken to cost, in units of the series' mean level: at 0.7 it is worth preparing 0.7 mean levels too much
 * for one period, if that avoids a breach for sure.
 */
export const PRICES = [0.05, 0.15, 0.35, 0.7, 1.2, 2, 4, 8] as const;
/** Until there is evidence. */
const FIRST_PRICE = PRICES.indexOf(0.35);
/** So many truths, of those that still count, make evidence. */
const ENOUGH = 60;
/** Added to both counts of breaches, so that one in few truths does not decide. */
const PRIOR_BREACHES = 1;
/** The fewer truths, the further the error has to stay below its measure: by this over the square root of their number. */
const CAUTION = 1;
/** By how much the present error may exceed that of `last-value`, as a share of its usual one: a quarter, when so many truths are behind it. */
const [MOST_EXCESS, FOR_EXCESS] = [0.25, 2_000];
/** A little more for breaches, which are counted less surely; and much for error beyond its measure, which no few breaches are worth. */
const [UNDER_WEIGHS, ERROR_WEIGHS] = [1.07, 4];
/** Head-room is sought from 2 scales below the model's expectation to 6 above. */
const [LOWEST, HIGHEST] = [-2, 6];

const enum Base { LastError, LargerUnder, Weight, Prices }

/**
 * How much more than a model expects should be prepared for. Both ways of being wrong are priced, in the same unit: what is prepared in vain
 * costs itself, a breach costs a price; the point where their expected sum is least, by the residuals that the model really
 * had, is the forecast. Where little is at stake (a quiet night) much head-room is cheap, and breaches are likely; where much is, the
 * opposite. So it takes away most breaches for little error.
 *
 * Which price is right shows in the truths: all of them are tried in shadow, and the one is taken that stays furthest below both
 * measures, the error of `last-value` and the breaches of the larger of `linear` and `last-value`. Breaches are rare, so that memory is long; a
 * short one beside it forbids prices that cost too much at present.
 */
export class HeadRoom {
  private readonly long: FadingSums;
  private readonly short: FadingSums;
  private chosen: number = FIRST_PRICE;

  constructor(rules: ForecastRules) {
    this.long = new FadingSums(rules.headRoomMemoryMs, Base.Prices + 2 * PRICES.length);
    this.short = new FadingSums(rules.memoryMs, Base.Prices + 2 * PRICES.length);
  }

  /** The price in force, as an index into `PRICES`. */
  get price(): number {
    return this.chosen;
  }

  /** Takes in what became of forecasts at every price, which begin at `atPrices` in `cells`, and of the two that they are measured by. */
  learn(at: number, truth: number, made: { cells: ArrayLike<number>; atPrices: number; lastValue: number; linear: number }): void {
    const larger = Math.max(made.lastValue, made.linear);
    for (const sums of [this.long, this.short]) {
      sums.fadeTo(at);
      sums.add(Base.LastError, Math.abs(truth - made.lastValue));
      sums.add(Base.LargerUnder, isUnder(larger, truth) ? 1 : 0);
      sums.add(Base.Weight, 1);
      for (let price = 0; price < PRICES.length; price++) {
        const point = made.cells[made.atPrices + price]!;
        sums.add(errorsAt(price), Math.abs(truth - point));
        sums.add(breachesAt(price), isUnder(point, truth) ? 1 : 0);
      }
    }
    this.choose();
  }

  private choose() {
    const { long, short } = this;
    const weight = long.get(Base.Weight);
    if (weight < ENOUGH) return;
    const measure = long.get(Base.LastError);
    const excess = ((MOST_EXCESS * weight) / (weight + FOR_EXCESS)) * (measure / weight) * short.get(Base.Weight);
    let best = Infinity;
    for (let price = 0; price < PRICES.length; price++) {
      if (price > 0 && short.get(errorsAt(price)) > short.get(Base.LastError) + excess) continue;
      const error = measure > 0 ? (long.get(errorsAt(price)) / measure) * (1 + CAUTION / Math.sqrt(weight)) : 1;
      const under = (long.get(breachesAt(price)) + PRIOR_BREACHES) / (long.get(Base.LargerUnder) + PRIOR_BREACHES);
      const worse = Math.max(error > 1 ? 1 + ERROR_WEIGHS * (error - 1) : error, UNDER_WEIGHS * under);
      if (worse >= best) continue;
      best = worse;
      this.chosen = price;
    }
  }
}

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
    for (let price = 0; price < PRICES.length; price++) {
      const cost = scale * error + PRICES[price]! * level * breach;
      if (cost >= least[price]!) continue;
      least[price] = cost;
      into[price] = prepared;
    }
    error += STEP * (2 * residuals.shareBelow(room + STEP / 2) - 1);
  }
};
