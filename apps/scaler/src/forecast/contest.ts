import type { Changes } from './changes';
import { Championship } from './championship';
import { ErrorMemory } from './error-memory';
import { FadingSums } from './fading-sums';
import type { Figures } from './figures';
import { type Champion, type Forecast, MODEL_NAMES, type ModelDecision, type ShadowForecast, type TrackRecord } from './forecast';
import { HeadRoom, preparedFor, PRICES } from './head-room';
import type { SeriesLearned } from './learned';
import { Belief } from './belief';
import type { Look } from './look';
import { expectationOf, MODELS } from './models/all';
import { AT_PRICES, IN_FORCE, LEVEL, MOST_PENDING, Pending, PER_MODEL, EXPECTED, PROVISION, WHOLE } from './pending';
import { Provision } from './provision';
import type { ForecastRules } from './rules';
import type { Series } from './series';
import { isUnder } from './under-provisioning';

const enum Sum { Error, Value, Under, Weight }
const LAST_VALUE = 0;
const LINEAR = 1;
/** A review looks at all records: several in the time in which nothing may change are enough. */
const REVIEWS_IN_DWELL = 20;
/** So many truths must have come before a model's errors say something. */
const LEAST_TRUTHS = 10;
/** Forecasts that overlap err alike: a third of those that wait at a time count as one more. */
const ALIKE = 3;
/** How much more a model weighs in the blend that errs less: with the sixth power, 10 % less error is twice the weight. */
const SHARPNESS = 6;

/** All models on one series and one look-ahead: what they say, what became of it, who speaks. */
export class Contest {
  private readonly memories: ErrorMemory[];
  private readonly headRoom: HeadRoom;
  private readonly provision: Provision;
  private readonly belief: Belief;
  private readonly championship: Championship;
  private readonly pending: Pending;
  /** Of what was really in force, whoever was champion. */
  private readonly inForce: FadingSums;
  /** What every model expects, and from what: asked for several times in a tick. */
  private readonly points = new Float64Array(MODEL_NAMES.length);
  private pointsFor = -1;
  private pointsBy: SeriesLearned | undefined;
  private readonly everyMs: number;
  /** How many forecasts one independent truth is about. */
  private readonly overlap: number;
  private madeAt = -Infinity;
  private reviewedAt = -Infinity;
  private readonly atPrices = new Float64Array(PRICES.length);

  constructor(
    private readonly series: Series,
    private readonly horizonMs: number,
    private readonly rules: ForecastRules,
    private readonly changes: Changes,
    private readonly decided: (decision: ModelDecision) => void,
  ) {
    this.memories = MODEL_NAMES.map(() => new ErrorMemory(rules));
    this.headRoom = new HeadRoom(rules.headRoomMemoryMs);
    this.provision = new Provision(rules.headRoomMemoryMs, Math.min(MOST_PENDING, horizonMs / rules.periodMs));
    this.belief = new Belief(rules.headRoomMemoryMs);
    this.championship = new Championship(rules);
    this.inForce = new FadingSums(rules.memoryMs, 4);
    this.everyMs = horizonMs / MOST_PENDING;
    this.overlap = 1 + Math.min(MOST_PENDING, horizonMs / rules.periodMs) / ALIKE;
    this.pending = new Pending(Math.min(MOST_PENDING, Math.ceil(horizonMs / rules.periodMs)) + 4);
  }

  /**
   * Holds an observation against the forecasts that spoke of its moment. Those whose moment passed in a gap are given up: nobody knows the truth.
   * @returns the absolute error of each that was in force
   */
  settle(at: number, truth: number): number[] {
    const errors: number[] = [];
    for (let due = this.pending.nextDue; due !== undefined && due <= at + this.rules.periodMs / 2; due = this.pending.nextDue) {
      if (at <= due + 1.5 * this.rules.periodMs) errors.push(this.score(at, truth, this.pending.oldest));
      this.pending.drop();
    }
    if (errors.length > 0) this.review(at);
    return errors;
  }

  /** Lets every model forecast in shadow, unless it is too early for the next. */
  shadow(look: Look, level: number, learned: SeriesLearned | undefined): void {
    if (look.now - this.madeAt < this.everyMs - this.rules.periodMs / 2) return;
    this.madeAt = look.now;
    const { cells } = this.pending;
    const start = this.pending.push(look.now + this.horizonMs);
    const points = this.pointsOf(look, learned);
    for (const [model, memory] of this.memories.entries()) {
      const point = points[model]!;
      const scale = memory.scaleOf(point, level);
      const { lower, upper } = memory.interval(point, scale);
      const at = start + model * PER_MODEL;
      cells[at] = point;
      cells[at + 1] = scale;
      cells[at + 2] = lower;
      cells[at + 3] = upper;
      if (model === this.championship.champion) this.prepare(memory, point, scale, level);
    }
    cells.set(this.atPrices, start + AT_PRICES);
    cells[start + IN_FORCE] = this.atPrices[this.headRoom.price]!;
    cells[start + PROVISION] = this.provided(cells[start + IN_FORCE]!, points[LINEAR]!, look);
    cells[start + EXPECTED] = this.expected(look, points);
    cells[start + LEVEL] = level;
    cells[start + WHOLE] = this.isWhole(look) ? 1 : 0;
  }

  forecast(look: Look, level: number, learned: SeriesLearned | undefined): Forecast {
    const { champion } = this.championship;
    const memory = this.memories[champion]!;
    const points = this.pointsOf(look, learned);
    const scale = memory.scaleOf(points[champion]!, level);
    this.prepare(memory, points[champion]!, scale, level);
    const expected = this.expected(look, points);
    const point = this.atPrices[this.headRoom.price]!;
    const provision = this.provided(point, points[LINEAR]!, look);
    const { lower, upper } = memory.interval(points[champion]!, scale);
    const weight = this.inForce.get(Sum.Weight);
    return {
      series: this.series,
      madeAt: look.now,
      at: look.now + this.horizonMs,
      horizonMs: this.horizonMs,
      model: MODEL_NAMES[champion]!,
      expected,
      point,
      provision,
      lower: Math.min(lower, expected, point),
      upper: Math.max(upper, expected, provision),
      observed: look.last,
      deciding: Math.max(look.last, provision),
      ...(weight > 0 && { error: ratio(this.inForce.get(Sum.Error), this.inForce.get(Sum.Value)), under: this.inForce.get(Sum.Under) / weight }),
    };
  }

  /** What each model says by itself, without head-room, in the order of `MODELS`. */
  shadows(look: Look, level: number, learned: SeriesLearned | undefined): ShadowForecast[] {
    return Array.from(this.pointsOf(look, learned), (point, model) => {
      const memory = this.memories[model]!;
      return { model: MODEL_NAMES[model]!, point, ...memory.interval(point, memory.scaleOf(point, level)) };
    });
  }

  /** What was forecast for later than `at` came from a clock that has been set back. */
  clockWasSetBackTo(at: number): void {
    this.pending.clear();
    this.madeAt = Math.min(this.madeAt, at - this.everyMs);
    this.championship.clockWasSetBackTo(at);
  }

  save(into: Figures): void {
    for (const part of this.evidence) part.save(into);
  }

  /** What was forecast by then still waits for its truth. */
  load(from: Figures): void {
    for (const part of this.evidence) part.load(from);
    this.pointsFor = -1;
  }

  get champion(): Champion {
    const { champion, since } = this.championship;
    return { series: this.series, horizonMs: this.horizonMs, model: MODEL_NAMES[champion]!, since, records: this.records };
  }

  private get evidence() {
    return [...this.memories, this.headRoom, this.provision, this.belief, this.championship, this.inForce];
  }

  private score(at: number, truth: number, start: number): number {
    const { cells } = this.pending;
    const level = cells[start + LEVEL]!;
    const lastError = Math.abs(truth - cells[start + LAST_VALUE * PER_MODEL]!);
    for (const [model, memory] of this.memories.entries()) {
      const cell = start + model * PER_MODEL;
      memory.learn(at, truth, { point: cells[cell]!, scale: cells[cell + 1]!, lower: cells[cell + 2]!, upper: cells[cell + 3]!, level }, lastError);
    }
    const [expected, point, provision] = [cells[start + EXPECTED]!, cells[start + IN_FORCE]!, cells[start + PROVISION]!];
    const [lastValue, linear] = [cells[start + LAST_VALUE * PER_MODEL]!, cells[start + LINEAR * PER_MODEL]!];
    // A window that is not full yet shows a start, not the series.
    if (cells[start + WHOLE]! > 0) {
      this.headRoom.learn(at, truth, { cells, atPrices: start + AT_PRICES, inForce: point, lastValue, linear });
      this.provision.learn(at, truth, { lastValue, linear, point, provision });
      this.belief.learn(at, lastError, Math.abs(truth - expected));
    }
    this.inForce.fadeTo(at);
    this.inForce.add(Sum.Error, Math.abs(truth - point));
    this.inForce.add(Sum.Value, truth);
    this.inForce.add(Sum.Under, isUnder(Math.max(lastValue, provision), truth) ? 1 : 0);
    this.inForce.add(Sum.Weight, 1);
    return Math.abs(truth - point);
  }

  /**
   * Head-room comes from errors that were really made: a stranger gets none, lest something be shed on a guess. `last-value` speaks
   * where nothing errs less, so there is no error to spare for it.
   */
  private prepare(memory: ErrorMemory, expected: number, scale: number, level: number) {
    if (memory.weight < LEAST_TRUTHS || memory === this.memories[LAST_VALUE]) this.atPrices.fill(expected);
    else preparedFor(expected, scale, level, memory.residuals, this.atPrices);
  }

  /** The champion's word once it is more than chance that it errs less than `last-value`. */
  private expected({ last }: Look, points: Float64Array): number {
    return this.belief.inChampion ? points[this.championship.champion]! : last;
  }

  private provided(point: number, linear: number, look: Look): number {
    return this.isWhole(look) ? this.provision.of(point, linear) : point;
  }

  private isWhole(look: Look): boolean {
    return look.now - look.at[look.from]! >= look.windowMs - 1.5 * this.rules.periodMs;
  }

  /** What every model expects, the blend last. */
  private pointsOf(look: Look, learned: SeriesLearned | undefined): Float64Array {
    const { points } = this;
    if (this.pointsFor === look.version && this.pointsBy === learned) return points;
    let [sum, weights] = [0, 0];
    for (const [index, model] of MODELS.entries()) {
      const weight = (this.memories[LAST_VALUE]!.absoluteError / this.memories[index]!.absoluteError) ** SHARPNESS;
      points[index] = expectationOf(model, look, this.horizonMs, learned);
      sum += weight * points[index];
      weights += weight;
    }
    points[MODELS.length] = sum / weights;
    this.pointsFor = look.version;
    this.pointsBy = learned;
    return points;
  }

  private review(at: number) {
    if (Math.abs(at - this.reviewedAt) < this.rules.dwellMs / REVIEWS_IN_DWELL) return;
    this.reviewedAt = at;
    const { records } = this;
    this.belief.review(records[this.championship.champion]!.lead);
    for (const ruling of this.championship.review(at, records, this.changes.evidence)) this.decided({ at, series: this.series, horizonMs: this.horizonMs, ...ruling, records });
  }

  private get records(): TrackRecord[] {
    return this.memories.map(({ weight, error, under, coverage, lead }, model) => {
      const benchedSince = this.championship.benchedSince(model);
      return { model: MODEL_NAMES[model]!, weight, error, under, lead: lead / Math.sqrt(this.overlap), coverage, ...(benchedSince !== undefined && { benchedSince }) };
    });
  }
}

const ratio = (part: number, whole: number): number => (part > 0 ? part / Math.max(whole, Number.MIN_VALUE) : 0);
