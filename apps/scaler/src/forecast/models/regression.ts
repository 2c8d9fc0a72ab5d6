import type { SeriesLearned } from '../learned';
import type { Look } from '../look';
import type { ForecastModel } from './model';
import { seasonal } from './seasonal';

/** How many coefficients a regression has. */
export const FEATURES = 7;

/**
 * What the regression goes by: how far several summaries of the window lie from the latest value. All of them grow with
 * the series, so the coefficients are the same whether a platform gets 10 or 10,000 requests a minute.
 */
export const featuresOf = (look: Look, horizonMs: number, learned: SeriesLearned | undefined): number[] => {
  const { last, previous, mean, meanTenth, meanFifth, fitted, slope } = look;
  const byTimeOfDay = seasonal.expect(look, horizonMs, learned) ?? last;
  return [meanTenth - last, meanFifth - last, mean - last, fitted - last, slope * horizonMs, byTimeOfDay - last, last - previous];
};

/** Multivariate linear regression of the change from now to then. */
export const regression: ForecastModel = {
  name: 'regression',
  expect: (look, horizonMs, learned) => {
    const coefficients = learned?.regression[String(horizonMs)];
    if (!coefficients || coefficients.length !== FEATURES) return undefined;
    const features = featuresOf(look, horizonMs, learned);
    return features.reduce((sum, feature, index) => sum + feature * coefficients[index]!, look.last);
  },
};
