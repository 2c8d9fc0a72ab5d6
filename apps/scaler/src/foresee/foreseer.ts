import type { ScalingPolicy, ScalingView, UsedForecast } from '@conductor/contracts';
import { type Foresight, type Observation, type ScalerState, shortfallMb } from '../decide';
import { type Forecast, type Forecaster, type ModelName, type Series, seriesOf } from '../forecast';

const TOTAL = seriesOf('memory', 'total');
/** Models that know the time of day. */
const KNOW_THE_DAY: ReadonlySet<ModelName> = new Set<ModelName>(['seasonal', 'blend']);

/**
 * Feeds what is seen to the forecasts, and asks them what the decisions need. Memory in total goes in as the demand: what is in use and what the shed
 * platforms would add. So the steps that the scaler makes itself are no trend, and what is forecast for now is the demand without them.
 */
export class Foreseer {
  private readonly known = new Set<string>();

  constructor(private readonly forecaster: Forecaster) {}

  observe(seen: Observation, state: ScalerState): void {
    const { at, memory, platforms, units } = seen;
    this.forecaster.observe(TOTAL, at, memory ? memory.usedMb + shortfall(seen, state) : NaN);
    for (const { name, rssMb } of units) this.forecaster.observe(seriesOf('memory', name), at, rssMb ?? NaN);
    for (const { name, requestsPerSecond, queueAgeMs } of platforms) {
      this.forecaster.observe(seriesOf('rate', name), at, requestsPerSecond ?? NaN);
      this.forecaster.observe(seriesOf('queue-age', name), at, queueAgeMs === undefined ? NaN : queueAgeMs / 1_000);
    }
    this.forgetAllBut(new Set([...units.map(({ name }) => `unit ${name}`), ...platforms.map(({ name }) => `platform ${name}`)]));
  }

  look(seen: Observation, state: ScalerState, policy: ScalingPolicy, now: number): Foresight {
    const { load } = policy;
    const total = this.forecast(TOTAL, policy.lookAheadMs, now);
    const missing = shortfall(seen, state);
    const each = (ahead: number, target: 'rate' | 'queue-age', scale: number, accept: (forecast: Forecast) => boolean = () => true) =>
      new Map(
        seen.platforms.flatMap(({ name }): Array<[string, UsedForecast]> => {
          const forecast = this.forecast(seriesOf(target, name), ahead, now);
          return forecast && accept(forecast) ? [[name, scaled(forecast, scale)]] : [];
        }),
      );
    return {
      ...(total && { memory: less(used(total), missing) }),
      requests: each(load.lookAheadMs, 'rate', 1),
      queueAge: each(load.lookAheadMs, 'queue-age', 1_000),
      dailyPeak: each(load.dailyPeakAheadMs, 'rate', 1, ({ model, point, provision }) => KNOW_THE_DAY.has(model) && provision === point),
    };
  }

  /** All that is forecast, for people. */
  view(seen: Observation, state: ScalerState, now: number): Pick<ScalingView, 'forecasts' | 'champions'> {
    const { horizonsMs } = this.forecaster.rules;
    const series: Series[] = [TOTAL, ...seen.units.map(({ name }) => seriesOf('memory', name)), ...seen.platforms.flatMap(({ name }) => [seriesOf('rate', name), seriesOf('queue-age', name)])];
    const missing = shortfall(seen, state);
    const forecasts = series.flatMap((name) =>
      horizonsMs.flatMap((horizonMs) => {
        const forecast = this.forecaster.forecast(name, horizonMs, now);
        if (!forecast) return [];
        const shown = name === TOTAL ? less(used(forecast), missing) : used(forecast);
        return [{ ...shown, at: forecast.at, observed: Math.max(0, forecast.observed - (name === TOTAL ? missing : 0)) }];
      }),
    );
    const champions = this.forecaster.champions().map(({ series: of, horizonMs, model, since, records }) => ({ series: of, lookAheadMs: horizonMs, model, ...(Number.isFinite(since) && { since }), records: records.map(({ model: of, error, under, weight, benchedSince }) => ({ model: of, error: finite(error), under: finite(under), weight, ...(benchedSince !== undefined && { benchedSince }) })) }));
    return { forecasts, champions };
  }

  private forecast(series: Series, aheadMs: number, now: number): Forecast | undefined {
    const [nearest = aheadMs] = [...this.forecaster.rules.horizonsMs].sort((a, b) => Math.abs(a - aheadMs) - Math.abs(b - aheadMs));
    return this.forecaster.forecast(series, nearest, now);
  }

  private forgetAllBut(present: ReadonlySet<string>): void {
    for (const key of this.known) {
      if (present.has(key)) continue;
      this.known.delete(key);
      const [kind, name = ''] = key.split(' ');
      for (const target of kind === 'unit' ? (['memory'] as const) : (['rate', 'queue-age'] as const)) this.forecaster.forget(seriesOf(target, name));
    }
    for (const key of present) this.known.add(key);
  }
}

const shortfall = (seen: Observation, state: ScalerState): number => {
  const rss = new Map(seen.units.map(({ name, rssMb }) => [name, rssMb]));
  return shortfallMb(state, (unit) => rss.get(unit));
};

const used = ({ series, horizonMs, expected, point, provision, lower, upper, model, error }: Forecast): UsedForecast => ({
  series,
  lookAheadMs: horizonMs,
  value: provision,
  expected,
  lower,
  upper,
  // Whoever asks why is told who said so.
  model: provision > point ? 'linear' : model,
  ...(error !== undefined && Number.isFinite(error) && { error }),
});

/** Without evidence there is no error; JSON has no word for that but null. */
const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

const scaled = (forecast: Forecast, by: number): UsedForecast => {
  const { value, expected, lower, upper, ...rest } = used(forecast);
  return { ...rest, value: value * by, ...(expected !== undefined && { expected: expected * by }), lower: lower * by, upper: upper * by };
};

const less = ({ value, expected, lower, upper, ...rest }: UsedForecast, by: number): UsedForecast => {
  const shifted = (figure: number) => Math.max(0, figure - by);
  return { ...rest, value: shifted(value), ...(expected !== undefined && { expected: shifted(expected) }), lower: shifted(lower), upper: shifted(upper) };
};
