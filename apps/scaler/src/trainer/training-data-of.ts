import type { Forecaster, Sample, Series } from '../forecast';
import type { Columns, SeriesData, TrainingInput } from './training-data';

/** Roll-ups of one series: means of periods of `everyMs`, oldest first, `at` their beginning. */
export interface Rollups {
  readonly everyMs: number;
  readonly samples: readonly Sample[];
}

const NONE: Rollups = { everyMs: 15 * 60_000, samples: [] };

/** What a training run is given: what the forecaster has seen itself, and roll-ups of the days before where they are at hand. Read only when the run asks for it. */
export const trainingDataOf = (forecaster: Forecaster, rollups: ReadonlyMap<Series, Rollups>, now: number): TrainingInput => {
  const { horizonsMs, windowMs, periodMs, timeZone } = forecaster.rules;
  return { now, horizonsMs: [...horizonsMs], windowMs, periodMs, ...(timeZone !== undefined && { timeZone }), series: seriesOf(forecaster, rollups) };
};

function* seriesOf(forecaster: Forecaster, rollups: ReadonlyMap<Series, Rollups>): Generator<readonly [string, SeriesData]> {
  for (const name of forecaster.series()) {
    const { everyMs, samples } = rollups.get(name) ?? NONE;
    yield [name, { history: forecaster.history(name), rollups: { everyMs, ...columnsOf(samples) } }];
  }
}

export const columnsOf = (samples: readonly Sample[]): Columns => ({ at: samples.map(({ at }) => at), value: samples.map(({ value }) => value) });
