import { FadingSums } from './fading-sums';
import type { Figures } from './figures';
import { isUnder } from './under-provisioning';
import { Residuals } from './residuals';
import type { ForecastRules } from './rules';

/** Nine of ten truths should fall into the interval. */
const OUTSIDE_EACH_SIDE = 0.05;
/** How fast the interval widens after a truth outside, and narrows after those inside. */
const ADAPT = 0.005;
/** A forecast of which nothing is known is taken to be off by a quarter, with the weight of one truth. */
const PRIOR_ERROR = 0.25;
/** One wild error says little about the next: for the scale, it counts as so many scales at most. */
const MOST_SCALES = 3;

const enum Sum { Error, Value, Under, Covered, Weight }
const enum Scale { Error, Weight }
const enum Lead { Less, Squared }

/**
 * What one model got wrong of late on one series and look-ahead, and what follows for its next forecast: a scale (how far off it
 * usually is at this level), a distribution of residuals in units of it, an interval. Errors grow about like the square
 * root of the level, as counts do; the interval's edges are moved until the share of truths outside is what was promised
 * (adaptive conformal inference), so it holds on series that do not behave.
 */
export class ErrorMemory {
  readonly residuals = new Residuals();
  private readonly sums: FadingSums;
  private readonly scale: FadingSums;
  /** Of how much less than `last-value` it erred: evidence that is rare is kept longer. */
  private readonly less: FadingSums;
  private readonly residualHalfLifeMs: number;
  private tailBelow = OUTSIDE_EACH_SIDE;
  private tailAbove = OUTSIDE_EACH_SIDE;
  private at = NaN;

  constructor(rules: ForecastRules) {
    this.sums = new FadingSums(rules.memoryMs, 5);
    this.scale = new FadingSums(rules.windowMs * 2, 2);
    this.less = new FadingSums(rules.headRoomMemoryMs, 2);
    this.residualHalfLifeMs = rules.headRoomMemoryMs;
  }

  /** How far off a forecast of `point` is likely to be. @param level long-run mean of the series */
  scaleOf(point: number, level: number): number {
    const unit = unitOf(point, level);
    const prior = (PRIOR_ERROR * point) / (unit || 1);
    return (unit * (this.scale.get(Scale.Error) + prior)) / (this.scale.get(Scale.Weight) + 1);
  }

  /** The interval around `point`, by its scale. */
  interval(point: number, scale: number): { lower: number; upper: number } {
    const lower = Math.max(0, point + scale * this.residuals.quantile(this.tailBelow));
    return { lower, upper: Math.max(lower, point + scale * this.residuals.quantile(1 - this.tailAbove)) };
  }

  /** Takes in the truth about a forecast made earlier. @param lastError what `last-value` got wrong about the same truth */
  learn(at: number, truth: number, made: { point: number; scale: number; lower: number; upper: number; level: number }, lastError: number): void {
    const error = Math.abs(truth - made.point);
    this.sums.fadeTo(at);
    this.sums.add(Sum.Error, error);
    this.sums.add(Sum.Value, truth);
    this.sums.add(Sum.Under, isUnder(made.point, truth) ? 1 : 0);
    this.sums.add(Sum.Covered, truth >= made.lower && truth <= made.upper ? 1 : 0);
    this.sums.add(Sum.Weight, 1);
    this.less.fadeTo(at);
    this.less.add(Lead.Less, lastError - error);
    this.less.add(Lead.Squared, (lastError - error) ** 2);
    this.scale.fadeTo(at);
    this.scale.add(Scale.Error, Math.min(error, MOST_SCALES * made.scale || error) / (unitOf(made.point, made.level) || 1));
    this.scale.add(Scale.Weight, 1);
    const left = at > this.at ? 0.5 ** ((at - this.at) / this.residualHalfLifeMs) : 1;
    this.at = at;
    this.residuals.add(made.scale > 0 ? (truth - made.point) / made.scale : Math.sign(truth - made.point) * 8, left);
    this.tailBelow = adapted(this.tailBelow, truth < made.lower);
    this.tailAbove = adapted(this.tailAbove, truth > made.upper);
  }

  save(into: Figures): void {
    for (const part of [this.sums, this.scale, this.less, this.residuals]) part.save(into);
    into.put(this.tailBelow, this.tailAbove);
  }

  load(from: Figures): void {
    for (const part of [this.sums, this.scale, this.less, this.residuals]) part.load(from);
    this.tailBelow = from.take();
    this.tailAbove = from.take();
    this.at = from.at;
  }

  get weight(): number {
    return this.sums.get(Sum.Weight);
  }

  /** Absolute errors over values. A series that is all 0 and was forecast so has none. */
  get error(): number {
    const errors = this.sums.get(Sum.Error);
    return errors > 0 ? errors / Math.max(this.sums.get(Sum.Value), Number.MIN_VALUE) : 0;
  }

  /** The sum of absolute errors, for comparison with other models held against the same truths; never quite 0, so that it can be divided by. */
  get absoluteError(): number {
    return this.sums.get(Sum.Error) + 1e-9 * (1 + this.sums.get(Sum.Value));
  }

  /** How surely it errs less than `last-value`, in standard errors, as if no two errors had to do with each other. */
  get lead(): number {
    const squared = this.less.get(Lead.Squared);
    return squared > 0 ? this.less.get(Lead.Less) / Math.sqrt(squared) : 0;
  }

  get under(): number {
    return this.weight > 0 ? this.sums.get(Sum.Under) / this.weight : 0;
  }

  get coverage(): number {
    return this.weight > 0 ? this.sums.get(Sum.Covered) / this.weight : 0;
  }
}

/** The unit in which errors are about the same at every level. */
const unitOf = (point: number, level: number): number => Math.sqrt(Math.max(point, level / 100));

const adapted = (tail: number, missed: boolean): number => Math.min(0.25, Math.max(0.002, tail + ADAPT * (OUTSIDE_EACH_SIDE - (missed ? 1 : 0))));
