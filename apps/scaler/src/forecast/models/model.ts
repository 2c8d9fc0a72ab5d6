import type { ModelName } from '../forecast';
import type { SeriesLearned } from '../learned';
import type { Look } from '../look';

/**
 * One way to expect the future. Pure: the same look, look-ahead and parameters give the same answer.
 * The interval around it is not a model's own affair: it comes from the errors that it really made (`error-memory.ts`).
 */
export interface ForecastModel {
  readonly name: ModelName;
  /** @returns the expected value; undefined when it has not learned enough to say. May be below 0 or not finite: the caller cares for that. */
  expect(look: Look, horizonMs: number, learned: SeriesLearned | undefined): number | undefined;
}
