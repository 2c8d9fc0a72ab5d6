import { ScalingPolicy } from '@conductor/contracts';
import { decide, EMPTY_STATE, type Observation, type ScalerState } from '../../../apps/scaler/src/decide';
import { Foreseer } from '../../../apps/scaler/src/foresee/foreseer';
import { Forecaster } from '../../../apps/scaler/src/forecast';
import { median, percentile } from '../support/load';
import type { Result } from '../support/report';
import { PLATFORMS, valueAt } from './crowd-of-series';

const PERIOD_MS = 5_000;
const WARM_TURNS = 1_000;
const TURNS = 500;
const BUDGET_MB = 20_000;

/** Memory walks between 55 and 85 %, so that platforms are shed and come back, and some have spikes. */
const observe = (at: number, state: ScalerState): Observation => {
  const off = (index: number) => state.units[`platform-${index}`]?.offUntil !== undefined;
  const units = Array.from({ length: PLATFORMS }, (_, index) => ({ name: `platform-${index}`, rssMb: off(index) ? 60 : 150 + valueAt(index, at) }));
  const besides = 4_500 + 3_000 * Math.sin(at / 400_000);
  return {
    at,
    memory: { wall: 'budget', budgetMb: BUDGET_MB, usedMb: besides + units.reduce((sum, { rssMb }) => sum + rssMb, 0) },
    units,
    platforms: units.map(({ name }, index) => ({
      name, unit: name, wanted: off(index) ? 'suspended' : 'on', pinned: index % 10 === 0, serving: !off(index), processes: [`${name}:${off(index) ? 2 : 1}`], inFlight: 3, concurrency: 10, instances: 1,
      requestsPerSecond: valueAt(50 + index, at) * ((Math.floor(at / 60_000) + index) % 40 === 0 ? 4 : 1), queueDepth: 0, queueAgeMs: valueAt(100 + index, at),
    })),
  };
};

/** What the scaler does between having looked and acting: takes the figures in, forecasts, decides. The very code that runs live. */
export const decisionLoop = async (): Promise<Result[]> => {
  const foreseer = new Foreseer(new Forecaster());
  const policy = ScalingPolicy.parse({ restoreAfterMs: 60_000 });
  let state = EMPTY_STATE;
  let decisions = 0;
  const whole: number[] = [];
  const deciding: number[] = [];
  for (let turn = 0; turn < WARM_TURNS + TURNS; turn++) {
    const at = turn * PERIOD_MS;
    const seen = observe(at, state);
    const startedAt = performance.now();
    foreseer.observe(seen, state);
    const foresight = foreseer.look(seen, state, policy, at);
    const foreseenAt = performance.now();
    const decided = decide(state, seen, foresight, policy, at, { by: 'bench', token: 1 });
    const endedAt = performance.now();
    state = decided.state;
    decisions += decided.decisions.length;
    if (turn < WARM_TURNS) continue;
    whole.push(endedAt - startedAt);
    deciding.push(endedAt - foreseenAt);
  }
  return [
    {
      title: `Decision loop: ${PLATFORMS} platforms (goal: 20 ms)`,
      note: `Milliseconds of one turn: every figure taken in and held against its forecasts, every series forecast, memory and load judged. ${decisions} decisions in ${WARM_TURNS + TURNS} turns; the first ${WARM_TURNS} warm it up.`,
      columns: ['what', 'median', 'p99', 'most'],
      rows: [
        ['the whole turn', ...figures(whole)],
        ['of which deciding', ...figures(deciding)],
      ],
    },
  ];
};

const figures = (took: number[]): string[] => [median(took), percentile(took, 0.99), Math.max(...took)].map((ms) => `${ms.toFixed(1)} ms`);
