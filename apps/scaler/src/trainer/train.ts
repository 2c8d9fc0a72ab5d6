import type { Learned, Profile, SeriesLearned } from '../forecast/learned';
import { expectationOf } from '../forecast/models/all';
import { seasonal } from '../forecast/models/seasonal';
import { type Example, examplesOf } from './examples';
import { fitHolt } from './fit-holt';
import { fitRegression } from './fit-regression';
import { profileOf } from './profile-frame';
import type { SeriesData, TrainingData } from './training-data';

/** Examples for all series together, so that a run takes about the same time for five platforms as for fifty. */
const MOST_EXAMPLES = 60_000;
const [LEAST_PER_SERIES, MOST_PER_SERIES] = [150, 4_000];
/** Roll-ups serve as examples when a window holds so many of them. */
const LEAST_IN_WINDOW = 10;
/** Each is gone through once for every set of constants. */
const MOST_FOR_HOLT = 60;
const TRENDS = [0, 0.3, 0.7];

/** What can be learned of a series before its roll-ups are known. */
interface Begun {
  readonly recent: readonly Example[];
  readonly holt: SeriesLearned['holt'];
}

/** Does what needs no roll-ups, which a run waits for. Pure. */
export const begin = (data: TrainingData): ReadonlyMap<string, Begun> => {
  const { horizonsMs, windowMs, periodMs } = data;
  const most = mostOf(data);
  return new Map(
    Object.entries(data.series).map(([name, { history }]) => {
      const recent = examplesOf(history, { horizonsMs, windowMs, everyMs: periodMs, most });
      return [name, { recent, holt: fitHolt(recent, horizonsMs, periodMs, Math.min(MOST_FOR_HOLT, most / 12)) }];
    }),
  );
};

/** Learns the parameters of every model for every series. Pure. */
export const train = (data: TrainingData, begun = begin(data)): Learned => {
  const most = mostOf(data);
  return { trainedAt: data.now, series: Object.fromEntries(Object.entries(data.series).map(([name, series]) => [name, learn(series, data, most, begun.get(name)!)])) };
};

const mostOf = ({ series }: TrainingData): number => Math.min(MOST_PER_SERIES, Math.max(LEAST_PER_SERIES, Math.floor(MOST_EXAMPLES / Math.max(1, Object.keys(series).length))));

const learn = (series: SeriesData, { horizonsMs, windowMs, periodMs, timeZone }: TrainingData, most: number, { recent, holt }: Begun): SeriesLearned => {
  const older = series.rollups.everyMs * LEAST_IN_WINDOW <= windowMs ? examplesOf(series.rollups, { horizonsMs, windowMs, everyMs: series.rollups.everyMs, most }) : [];
  const examples = [...older, ...recent];
  const profile = profileOf(series.rollups, timeZone);
  const learned: SeriesLearned = { regression: {}, holt: older.length === 0 ? holt : fitHolt(examples, horizonsMs, periodMs, Math.min(MOST_FOR_HOLT, most / 12)), ...(profile && { profile: withTrend(profile, examples, horizonsMs) }) };
  for (const [horizon, horizonMs] of horizonsMs.entries()) {
    const coefficients = fitRegression(examples, horizon, horizonMs, learned);
    if (coefficients) learned.regression[String(horizonMs)] = coefficients;
  }
  return learned;
};

/** How much of a trend against the profile lasted in the past. */
const withTrend = (profile: Omit<Profile, 'trend'>, examples: readonly Example[], horizonsMs: readonly number[]): Profile => {
  const some = examples.slice(-MOST_PER_SERIES / 10);
  const errors = TRENDS.map((trend) => {
    const learned = { regression: {}, profile: { ...profile, trend } };
    return some.reduce((sum, { look, truths }) => {
      const wrong = (truth: number, horizon: number) => (Number.isNaN(truth) ? 0 : Math.abs(truth - expectationOf(seasonal, look, horizonsMs[horizon]!, learned)));
      return sum + truths.reduce((all, truth, horizon) => all + wrong(truth, horizon), 0);
    }, 0);
  });
  return { ...profile, trend: TRENDS[errors.indexOf(Math.min(...errors))]! };
};
