import type { Series } from './series';

/** Every model forecasts in shadow all the time; one of them is the champion of a series and a look-ahead. */
export const MODEL_NAMES = ['last-value', 'linear', 'regression', 'damped-holt', 'seasonal', 'blend'] as const;
export type ModelName = (typeof MODEL_NAMES)[number];

/** What the champion of a series says about the moment `at`, and how far it could be trusted of late. */
export interface Forecast {
  readonly series: Series;
  /** When it was made and what it speaks of, epoch milliseconds. */
  readonly madeAt: number;
  readonly at: number;
  readonly horizonMs: number;
  readonly model: ModelName;
  /** What is expected: what the model says once it is beyond chance that it errs less than the last value (`belief.ts`), else the last value. */
  readonly expected: number;
  /** What the model says, moved by as much head-room as its error bears (`head-room.ts`): the best single number. */
  readonly point: number;
  /** What to provide for: the point, or the straight line where that is higher and not yet known to be needless (`provision.ts`). Never below `point`. */
  readonly provision: number;
  /** The interval into which nine of ten truths should fall. Always `lower <= expected <= upper`, and no less holds of `point` and `provision`. */
  readonly lower: number;
  readonly upper: number;
  /** The latest observation. */
  readonly observed: number;
  /** For shedding and scaling up: the greater of what is observed and `provision`. Scaling down goes by `observed` alone. */
  readonly deciding: number;
  /** Rolling error of what was expected: absolute errors over values, `0.05` is 5 %. Absent until there was a truth to hold against. */
  readonly error?: number;
  /** Rolling share of periods whose demand exceeded what was decided by, by more than 20 %. */
  readonly under?: number;
}

/** What one model says by itself, champion or not. */
export interface ShadowForecast {
  readonly model: ModelName;
  readonly point: number;
  readonly lower: number;
  readonly upper: number;
}

/** How a model has done lately on one series and look-ahead. */
export interface TrackRecord {
  readonly model: ModelName;
  /** Truths it was held against, those long ago counting less. */
  readonly weight: number;
  readonly error: number;
  readonly under: number;
  /** How surely it errs less than `last-value`, in standard errors; below 0 when it errs more. */
  readonly lead: number;
  /** Share of truths inside the interval. */
  readonly coverage: number;
  /** Since when it is not considered; absent for those that are. */
  readonly benchedSince?: number;
}

/** A decision about the models themselves, with the figures it rests on. `at` in epoch milliseconds. */
export interface ModelDecision {
  readonly at: number;
  readonly series: Series;
  readonly horizonMs: number;
  readonly kind: 'champion' | 'benched' | 'back-from-bench';
  readonly model: ModelName;
  /** The champion before; only with `champion`. */
  readonly replaced?: ModelName;
  /** One sentence for a person. */
  readonly reason: string;
  readonly records: readonly TrackRecord[];
}

export interface Champion {
  readonly series: Series;
  readonly horizonMs: number;
  readonly model: ModelName;
  readonly since: number;
  readonly records: readonly TrackRecord[];
}
