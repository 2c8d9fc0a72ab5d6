/** What the rest of the scaler uses of the forecasts. */
export { type Evidence, packed, unpacked } from './evidence';
export { type Champion, type Forecast, MODEL_NAMES, type ModelDecision, type ModelName, type ShadowForecast, type TrackRecord } from './forecast';
export { Forecaster, type TrainingReason } from './forecaster';
export { type Learned, learnedSchema } from './learned';
export { hostTimeZone } from './local-time';
export { DEFAULT_RULES, type ForecastRules } from './rules';
export { type Sample, type Series, seriesOf, type Target, TARGETS } from './series';
