import type { ForecastModel } from './model';

/** The straight line through the window goes on. */
export const linear: ForecastModel = {
  name: 'linear',
  expect: ({ fitted, slope }, horizonMs) => fitted + slope * horizonMs,
};
