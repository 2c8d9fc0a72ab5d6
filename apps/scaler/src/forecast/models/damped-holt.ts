import type { Look } from '../look';
import type { ForecastModel } from './model';

/** Smoothing constants per `stepMs`: how fast level and trend follow, and how much of the trend is left a step later. */
export interface HoltConstants {
  readonly level: number;
  readonly trend: number;
  readonly damping: number;
  readonly stepMs: number;
}

/** For a series of which nothing was learned yet; a step is a sixtieth of the window. */
const UNLEARNED = { level: 0.5, trend: 0.1, damping: 0.9 };

/** Exponential smoothing of level and trend, the trend fading (Gardner and McKenzie). Uneven spacing counts as so many steps. */
export const dampedHolt: ForecastModel = {
  name: 'damped-holt',
  expect: (look, horizonMs, learned) => ahead(smoothed(look, learned?.holt ?? { ...UNLEARNED, stepMs: look.windowMs / 60 }), horizonMs),
};

export interface Smoothed {
  constants: HoltConstants;
  level: number;
  trend: number;
  /** Of the look that it was made from. */
  version: number;
}

export const ahead = ({ constants, level, trend }: Smoothed, horizonMs: number): number => level + dampedSum(constants.damping, horizonMs / constants.stepMs) * trend;

/** The pass over the window is the same for every look-ahead, and the dearest part of a tick: it is made once per observation. */
const known = new WeakMap<Look, Smoothed>();

const smoothed = (look: Look, constants: HoltConstants): Smoothed => {
  const before = known.get(look);
  if (before && before.version === look.version && sameConstants(before.constants, constants)) return before;
  const now = smooth(look, constants, before);
  if (!before) known.set(look, now);
  return now;
};

const sameConstants = (a: HoltConstants, b: HoltConstants): boolean => a.level === b.level && a.trend === b.trend && a.damping === b.damping && a.stepMs === b.stepMs;

/** Begins anew at the first sample of the window: at its end, that hardly counts any more. */
const smooth = (look: Look, constants: HoltConstants, into: Smoothed = { constants, level: NaN, trend: NaN, version: look.version }): Smoothed => {
  into.constants = constants;
  into.level = look.value[look.from]!;
  into.trend = 0;
  into.version = look.version;
  return smoothOn(look, look.from, look.to, into);
};

/** Goes on from what was smoothed up to, and with, the sample `from`, up to, but without, `to`. */
export const smoothOn = ({ at, value }: Pick<Look, 'at' | 'value'>, from: number, to: number, into: Smoothed): Smoothed => {
  const { constants } = into;
  const { damping, stepMs } = constants;
  let { level, trend } = into;
  let [gapMs, follow, followTrend, left, sum] = [NaN, 0, 0, 0, 0];
  for (let index = from + 1; index < to; index++) {
    const gap = at[index]! - at[index - 1]!;
    if (gap !== gapMs) {
      gapMs = gap;
      const steps = gap / stepMs;
      follow = 1 - (1 - constants.level) ** steps;
      followTrend = 1 - (1 - constants.trend) ** steps;
      left = damping ** steps;
      sum = dampedSum(damping, steps);
    }
    const expected = level + sum * trend;
    const next = follow * value[index]! + (1 - follow) * expected;
    if (sum > 0) trend = followTrend * ((next - level) / sum) * left + (1 - followTrend) * left * trend;
    level = next;
  }
  into.level = level;
  into.trend = trend;
  return into;
};

/** damping + damping² + … over so many steps, which need not be whole. */
const dampedSum = (damping: number, steps: number): number => (damping >= 1 ? steps : (damping * (1 - damping ** steps)) / (1 - damping));
