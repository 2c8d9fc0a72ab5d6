import { ahead, type HoltConstants, type Smoothed, smoothOn } from '../forecast/models/damped-holt';
import type { Example } from './examples';

const LEVELS = [0.1, 0.25, 0.5, 0.8];
const TRENDS = [0, 0.05, 0.2];
const DAMPINGS = [0.8, 0.95];
const LEAST = 10;

/** The constants with the least sum of absolute errors over all look-aheads, by trying them all on a few moments of the past. */
export const fitHolt = (examples: readonly Example[], horizonsMs: readonly number[], periodMs: number, most: number): HoltConstants | undefined => {
  const stride = Math.ceil(examples.length / most);
  const some = examples.filter((_, index) => index % stride === 0);
  if (some.length < LEAST) return undefined;
  let best: HoltConstants | undefined;
  let least = Infinity;
  for (const level of LEVELS) {
    for (const trend of TRENDS) {
      for (const damping of trend === 0 ? DAMPINGS.slice(0, 1) : DAMPINGS) {
        const constants = { level, trend, damping, stepMs: periodMs };
        const error = errorOf(constants, some, horizonsMs);
        if (error >= least) continue;
        least = error;
        best = constants;
      }
    }
  }
  return best;
};

/** Each look-ahead is measured by what "it stays as it is" gets wrong, so that the longest does not decide alone. */
const errorOf = (constants: HoltConstants, examples: readonly Example[], horizonsMs: readonly number[]): number => {
  const errors = horizonsMs.map(() => 0);
  const measures = horizonsMs.map(() => 0);
  let smoothed: Smoothed | undefined;
  let [series, upTo]: [Float64Array | undefined, number] = [undefined, 0];
  for (const { look, truths } of examples) {
    // One pass over the samples for all moments: what lies before the window of one hardly counts in it.
    if (look.value !== series || smoothed === undefined) {
      smoothed = { constants, level: look.value[look.from]!, trend: 0, version: 0 };
      [series, upTo] = [look.value, look.from + 1];
    }
    smoothOn(look, upTo - 1, look.to, smoothed);
    upTo = look.to;
    for (const [horizon, truth] of truths.entries()) {
      if (Number.isNaN(truth)) continue;
      errors[horizon]! += Math.abs(truth - Math.max(0, ahead(smoothed, horizonsMs[horizon]!)));
      measures[horizon]! += Math.abs(truth - look.last);
    }
  }
  return errors.reduce((sum, error, horizon) => sum + (measures[horizon]! > 0 ? error / measures[horizon]! : 0), 0);
};
