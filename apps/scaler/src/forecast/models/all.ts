import type { ModelName } from '../forecast';
import { dampedHolt } from './damped-holt';
import { lastValue } from './last-value';
import { linear } from './linear';
import type { ForecastModel } from './model';
import { regression } from './regression';
import { seasonal } from './seasonal';
import type { Look } from '../look';
import type { SeriesLearned } from '../learned';

/** In the order in which they are preferred when nothing else speaks for one. `last-value` is the first: it needs no evidence. */
export const MODELS: readonly ForecastModel[] = [lastValue, linear, regression, dampedHolt, seasonal];

export const indexOf = (name: ModelName): number => MODELS.findIndex((model) => model.name === name);

/** A model that cannot say, or says nonsense, says what `last-value` says. Nothing here is ever below 0. */
export const expectationOf = (model: ForecastModel, look: Look, horizonMs: number, learned: SeriesLearned | undefined): number => {
  const expected = model.expect(look, horizonMs, learned);
  return expected === undefined || !Number.isFinite(expected) ? look.last : Math.max(0, expected);
};
