/** What every model sees of a series at one moment. Computed once per observation, for all models and look-aheads. */
export type Look = Readonly<LookInPlace>;

/** The forecaster has one per series, written anew with every observation: hundreds of new ones a tick would be garbage that has grown old. */
export interface LookInPlace {
  /** The samples themselves: `at` and `value` from index `from` up to, but without, `to`. At least one. */
  at: Float64Array;
  value: Float64Array;
  from: number;
  to: number;
  /** Time and value of the latest sample. */
  now: number;
  last: number;
  previous: number;
  /** Means over the whole window, and over its latest tenth, fifth and third by time. */
  mean: number;
  meanTenth: number;
  meanFifth: number;
  meanThird: number;
  /** The straight line of least squares through the window: its value now, and its slope per millisecond. */
  fitted: number;
  slope: number;
  windowMs: number;
  /** How often this object was written: who keeps what follows from it keeps this beside it. */
  version: number;
}

/** One pass over the window. Times are taken relative to the latest, so that nothing is lost to the size of epoch milliseconds. */
export const lookAt = (at: Float64Array, value: Float64Array, from: number, to: number, windowMs: number, look: LookInPlace = nowhere()): LookInPlace => {
  const now = at[to - 1]!;
  const [tenth, fifth, third] = [windowMs / 10, windowMs / 5, windowMs / 3];
  let [count, sum, sumT, sumTT, sumTV] = [0, 0, 0, 0, 0];
  let [countTenth, sumTenth, countFifth, sumFifth, countThird, sumThird] = [0, 0, 0, 0, 0, 0];
  for (let index = to - 1; index >= from; index--) {
    const age = now - at[index]!;
    const v = value[index]!;
    count++;
    sum += v;
    sumT -= age;
    sumTT += age * age;
    sumTV -= age * v;
    if (age >= third) continue;
    countThird++;
    sumThird += v;
    if (age >= fifth) continue;
    countFifth++;
    sumFifth += v;
    if (age >= tenth) continue;
    countTenth++;
    sumTenth += v;
  }
  const mean = sum / count;
  const spread = sumTT - (sumT * sumT) / count;
  const slope = count > 1 && spread > 0 ? (sumTV - (sumT * sum) / count) / spread : 0;
  look.at = at;
  look.value = value;
  look.from = from;
  look.to = to;
  look.now = now;
  look.last = value[to - 1]!;
  look.previous = value[Math.max(from, to - 2)]!;
  look.mean = mean;
  look.meanTenth = sumTenth / countTenth;
  look.meanFifth = sumFifth / countFifth;
  look.meanThird = sumThird / countThird;
  look.fitted = count > 1 ? mean - (slope * sumT) / count : mean;
  look.slope = slope;
  look.windowMs = windowMs;
  look.version++;
  return look;
};

const EMPTY = new Float64Array(0);
// Not whole numbers, so that every field is one for floating point from the start.
const nowhere = (): LookInPlace => ({
  at: EMPTY,
  value: EMPTY,
  from: 0,
  to: 0,
  now: NaN,
  last: NaN,
  previous: NaN,
  mean: NaN,
  meanTenth: NaN,
  meanFifth: NaN,
  meanThird: NaN,
  fitted: NaN,
  slope: NaN,
  windowMs: NaN,
  version: 0,
});
