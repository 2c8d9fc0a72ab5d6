import type { ForecastModel } from './model';

/** It stays as it is. Hard to beat from one moment to the next, and the measure of all others. */
export const lastValue: ForecastModel = {
  name: 'last-value',
  expect: ({ last }) => last,
};
