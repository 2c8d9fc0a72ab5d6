import { Forecaster } from '../../../apps/scaler/src/forecast';
import { median, percentile } from '../support/load';
import { memoryOf } from '../support/processes';
import type { Result } from '../support/report';
import { PLATFORMS, SERIES, valueAt } from './crowd-of-series';

const PERIOD_MS = 5_000;
/** Until windows, histories and evidence are full. */
const WARM_TICKS = 1_200;
const TICKS = 300;

/** What the forecasts cost the scaler in each tick, and what they weigh. */
export const forecastTick = async (): Promise<Result[]> => {
  global.gc?.();
  const before = memoryOf(process.pid);
  const forecaster = new Forecaster();
  const took: number[] = [];
  for (let tick = 0; tick < WARM_TICKS + TICKS; tick++) {
    const at = tick * PERIOD_MS;
    const startedAt = performance.now();
    for (const [index, series] of SERIES.entries()) {
      forecaster.observe(series, at, valueAt(index, at));
      for (const horizonMs of forecaster.rules.horizonsMs) forecaster.forecast(series, horizonMs, at);
    }
    if (tick >= WARM_TICKS) took.push(performance.now() - startedAt);
  }
  const full = memoryOf(process.pid);
  global.gc?.();
  const after = memoryOf(process.pid);
  // Still in use, so not collected.
  if (forecaster.champions().length === 0) throw new Error('nothing was forecast');
  return [
    {
      title: `Forecasts of one tick: ${PLATFORMS} platforms × 3 series × 3 look-aheads`,
      note: 'Milliseconds: taking in an observation of every series, holding all forecasts due against it, letting every model forecast in shadow, and asking for the champion’s forecast. Every 5 s in production. Memory: resident before and after, everything filled, started with the small young generation of the launcher.',
      columns: ['what', 'figure'],
      rows: [
        ['median', `${median(took).toFixed(1)} ms`],
        ['p99', `${percentile(took, 0.99).toFixed(1)} ms`],
        ['most', `${Math.max(...took).toFixed(1)} ms`],
        ['memory before', `${before.rssMb} MB (${before.privateMb} MB private)`],
        ['memory after', `${full.rssMb} MB (${full.privateMb} MB private)`],
        ['memory after, garbage collected', `${after.rssMb} MB (${after.privateMb} MB private)`],
      ],
    },
  ];
};
