import { ROLLUP_MS } from '@conductor/contracts';
import { openDatabase, ScalingHistory } from '@conductor/persistence';
import { columnsOf } from './training-data-of';
import type { SeriesData, TrainingData } from './training-data';

/** The profile of the week needs weeks; what is older than this says little of today. */
const LOOK_BACK_MS = 28 * 86_400_000;
/** As the profile has them: it is the only one that learns from these. */
const QUARTER_MS = 900_000;

/** Adds what the database knows of the days before, to series that came without. Without the database the windows are all there is to learn from. */
export const withRollups = async ({ database, ...data }: TrainingData): Promise<TrainingData> => {
  if (!database) return data;
  const known = await rollupsIn(database, data.now - LOOK_BACK_MS).catch(() => undefined);
  const series = Object.entries(data.series).map(([name, given]): [string, SeriesData] => {
    const points = given.rollups.at.length > 0 ? undefined : known?.get(name);
    const samples = points?.map(({ at, mean }) => ({ at, value: mean }));
    return [name, samples ? { ...given, rollups: { everyMs: QUARTER_MS, ...columnsOf(samples) } } : given];
  });
  return { ...data, series: Object.fromEntries(series) };
};

const rollupsIn = async (place: NonNullable<TrainingData['database']>, from: number) => {
  await using database = await openDatabase({ ...place, statementTimeoutMs: 5_000 });
  return await new ScalingHistory(database).since(ROLLUP_MS.fine, from, QUARTER_MS);
};
