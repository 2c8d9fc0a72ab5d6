import { ROLLUP_MS } from '@conductor/contracts';
import { openDatabase, ScalingHistory } from '@conductor/persistence';
import { QUARTER_MS, type TrainingData } from './training-data';

export interface RollupsAsked {
  readonly database: NonNullable<TrainingData['database']>;
  /** Epoch milliseconds. */
  readonly from: number;
}

/** Means of quarters of an hour by series, oldest first, as parallel arrays. */
export type RollupsRead = ReadonlyMap<string, { readonly at: readonly number[]; readonly value: readonly number[] }>;

/** @returns undefined when the database cannot be read */
export const readRollups = async ({ database: place, from }: RollupsAsked): Promise<RollupsRead | undefined> => {
  try {
    await using database = await openDatabase({ ...place, statementTimeoutMs: 5_000 });
    const found = await new ScalingHistory(database).since(ROLLUP_MS.fine, from, QUARTER_MS);
    return new Map([...found].map(([series, points]) => [series, { at: points.map(({ at }) => at), value: points.map(({ mean }) => mean) }]));
  } catch {
    return undefined;
  }
};
