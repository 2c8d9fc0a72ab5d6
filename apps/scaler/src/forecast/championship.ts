import { MODEL_NAMES, type ModelDecision, type ModelName, type TrackRecord } from './forecast';
import type { Figures } from './figures';
import type { ForecastRules } from './rules';

/** So many truths, of those that still count, make evidence. */
const ENOUGH = 20;
/** For the blend, which risks less: it is near `last-value` where nobody does better. */
const ENOUGH_FOR_BLEND = 10;
const LAST_VALUE = 0;
const BLEND = MODEL_NAMES.length - 1;
/** In standard errors: so surely one must err less than `last-value` to be preferred to it, and to stay so. */
const [SURE, STILL_SURE] = [1, 0.5];
/** By this share a single model must err less than the blend of all, which seldom is the best and never far from it. */
const SINGLE_MARGIN = 0.15;

export type Ruling = Pick<ModelDecision, 'kind' | 'model' | 'replaced' | 'reason'>;

/**
 * Which model speaks for one series and look-ahead. It begins with `last-value`, until it is more than chance that another errs less; who
 * has the smaller rolling error by a margin takes over, once the champion has had its dwell. Who loses to `last-value` for an hour is benched, still forecasts in shadow, and is back when it wins by the margin.
 */
export class Championship {
  champion = LAST_VALUE;
  since = -Infinity;
  private first = true;
  private readonly losingSince: Array<number | undefined> = MODEL_NAMES.map(() => undefined);
  private readonly benched: Array<number | undefined> = MODEL_NAMES.map(() => undefined);

  constructor(private readonly rules: ForecastRules) {}

  benchedSince(model: number): number | undefined {
    return this.benched[model];
  }

  /** Times after `at` were written by a clock that has been set back since. */
  clockWasSetBackTo(at: number): void {
    this.since = Math.min(this.since, at);
    for (const times of [this.losingSince, this.benched]) times.forEach((time, model) => time !== undefined && (times[model] = Math.min(time, at)));
  }

  /**
   * @param records one per model, in their order, held against the same truths
   * @param predictable how surely the series is no random walk, in standard errors: it adds to what errors say
   */
  review(at: number, records: readonly TrackRecord[], predictable = 0): Ruling[] {
    if (this.since === -Infinity) this.since = at;
    if (records[LAST_VALUE]!.weight < ENOUGH_FOR_BLEND) return [];
    return [...records.flatMap((record, model) => (model === LAST_VALUE ? [] : this.reviewBench(at, model, record, records[LAST_VALUE]!))), ...this.reviewChampion(at, records, predictable)];
  }

  save(into: Figures): void {
    into.put(this.champion, this.first ? 1 : 0);
    for (const time of [this.since, ...this.losingSince, ...this.benched]) into.putTime(time);
  }

  load(from: Figures): void {
    this.champion = from.takeIndex(MODEL_NAMES.length);
    this.first = from.take() === 1;
    this.since = from.takeTime() ?? -Infinity;
    for (const times of [this.losingSince, this.benched]) for (let model = 0; model < times.length; model++) times[model] = from.takeTime();
  }

  private reviewBench(at: number, model: number, record: TrackRecord, measure: TrackRecord): Ruling[] {
    const { benchAfterMs, margin } = this.rules;
    if (this.benched[model] !== undefined) {
      if (record.error >= measure.error * (1 - margin)) return [];
      this.benched[model] = undefined;
      this.losingSince[model] = undefined;
      return [{ kind: 'back-from-bench', model: record.model, reason: `${shown(record)} again beats ${shown(measure)}` }];
    }
    if (record.error <= measure.error) {
      this.losingSince[model] = undefined;
      return [];
    }
    const since = (this.losingSince[model] ??= at);
    if (at - since < benchAfterMs) return [];
    this.benched[model] = at;
    return [{ kind: 'benched', model: record.model, reason: `${shown(record)} has lost to ${shown(measure)} for ${minutes(at - since)}` }];
  }

  private reviewChampion(at: number, records: readonly TrackRecord[], predictable: number): Ruling[] {
    const old = records[this.champion]!;
    const best = this.best(records, predictable);
    // Nobody chose the first one, so that the blend need not wait for its dwell.
    if (at - this.since < this.rules.dwellMs && !(this.first && best === BLEND)) return [];
    // That it is more than chance is as good as a margin.
    const wins = (best === BLEND && this.champion === LAST_VALUE) || records[best]!.error < old.error * (1 - this.rules.margin);
    // One that is benched makes way without a margin: it has lost for an hour.
    if (best === this.champion || !(wins || this.benched[this.champion] !== undefined)) return [];
    this.champion = best;
    this.first = false;
    this.since = at;
    return [{ kind: 'champion', model: records[best]!.model, replaced: old.model, reason: `${shown(records[best]!)} takes over from ${shown(old)}` }];
  }

  /** The blend where it is sure to err less than `last-value`, else that; a single model only where it errs much less. */
  private best(records: readonly TrackRecord[], predictable: number): number {
    const eligible = (model: number) => this.benched[model] === undefined && records[model]!.weight >= (model === BLEND ? ENOUGH_FOR_BLEND : ENOUGH) && records[model]!.lead + predictable > (model === this.champion ? STILL_SURE : SURE);
    const preferred = eligible(BLEND) ? BLEND : LAST_VALUE;
    const mark = records[preferred]!.error * (preferred === BLEND ? 1 - SINGLE_MARGIN : 1);
    return records.reduce((best, { error }, model) => (eligible(model) && error < (best === preferred ? mark : records[best]!.error) ? model : best), preferred);
  }
}

const shown = ({ model, error, under }: { model: ModelName; error: number; under: number }): string => `${model} (error ${percent(error)}, under-provisioned ${percent(under)})`;
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const minutes = (ms: number): string => `${Math.round(ms / 60_000)} min`;
