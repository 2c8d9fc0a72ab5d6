import { MODEL_NAMES, type ModelDecision, type ModelName, type TrackRecord } from './forecast';
import type { ForecastRules } from './rules';

/** So many truths, of those that still count, make evidence. */
const ENOUGH = 20;
const LAST_VALUE = 0;

export type Ruling = Pick<ModelDecision, 'kind' | 'model' | 'replaced' | 'reason'>;

/**
 * Which model speaks for one series and look-ahead. It begins with `last-value`; who has the smaller rolling error by a margin takes
 * over, once the champion has had its dwell. Who loses to `last-value` for an hour is benched, still forecasts in shadow, and is back when it wins by the margin.
 */
export class Championship {
  champion = LAST_VALUE;
  since = -Infinity;
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

  /** @param records one per model, in their order, held against the same truths */
  review(at: number, records: readonly TrackRecord[]): Ruling[] {
    if (this.since === -Infinity) this.since = at;
    if (records[LAST_VALUE]!.weight < ENOUGH) return [];
    return [...records.flatMap((record, model) => (model === LAST_VALUE ? [] : this.reviewBench(at, model, record, records[LAST_VALUE]!))), ...this.reviewChampion(at, records)];
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

  private reviewChampion(at: number, records: readonly TrackRecord[]): Ruling[] {
    if (at - this.since < this.rules.dwellMs) return [];
    const old = records[this.champion]!;
    const best = records.reduce((leader, record, model) => (this.benched[model] === undefined && record.error < records[leader]!.error ? model : leader), LAST_VALUE);
    const wins = records[best]!.error < old.error * (1 - this.rules.margin);
    // One that is benched makes way without a margin: it has lost for an hour.
    if (best === this.champion || !(wins || this.benched[this.champion] !== undefined)) return [];
    this.champion = best;
    this.since = at;
    return [{ kind: 'champion', model: records[best]!.model, replaced: old.model, reason: `${shown(records[best]!)} takes over from ${shown(old)}` }];
  }
}

const shown = ({ model, error, under }: { model: ModelName; error: number; under: number }): string => `${model} (error ${percent(error)}, under-provisioned ${percent(under)})`;
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const minutes = (ms: number): string => `${Math.round(ms / 60_000)} min`;
