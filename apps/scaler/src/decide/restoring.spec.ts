import { ScalingPolicy } from '@conductor/contracts';
import { decide, EMPTY_STATE, NOTHING_FORESEEN, type Observation, type PlatformObservation, type ScalerState } from '.';

const START = Date.UTC(2026, 2, 2, 12);
const PERIOD_MS = 5_000;
const policy = ScalingPolicy.parse({});
const suspended = (name: string, more: Partial<PlatformObservation> = {}): PlatformObservation => ({
  name, unit: name, wanted: 'suspended', pinned: false, serving: false, processes: [], inFlight: 0, concurrency: 0, instances: 0, ...more,
});

/** What is decided within ten minutes of low memory. */
const inQuiet = (platforms: PlatformObservation[], state: ScalerState = EMPTY_STATE) => {
  const decisions = [];
  for (let now = START; now < START + 600_000; now += PERIOD_MS) {
    const seen: Observation = { at: now, memory: { wall: 'budget', budgetMb: 10_000, usedMb: 2_000 }, platforms, units: platforms.map(({ unit }) => ({ name: unit, rssMb: 60 })) };
    const decided = decide(state, seen, NOTHING_FORESEEN, policy, now, { by: 'scaler', token: 1 });
    ({ state } = decided);
    decisions.push(...decided.decisions);
  }
  return { decisions, state };
};

describe('when memory is low again', () => {
  it('what a scaler has suspended returns, also one before this that nobody remembers', () => {
    expect(inQuiet([suspended('voice')]).decisions[0]).toMatchObject({ kind: 'restore', platforms: ['voice'] });
  });

  it('what somebody else has suspended stays, and nothing is said of it', () => {
    expect(inQuiet([suspended('voice', { heldByOthers: true })]).decisions).toEqual([]);
  });

  it('of a process that was suspended in parts by both, the scaler returns its own', () => {
    const [first] = inQuiet([suspended('minecraft', { unit: 'stubs' }), suspended('twitch', { unit: 'stubs', heldByOthers: true })]).decisions;
    expect(first).toMatchObject({ kind: 'restore', platforms: ['minecraft'] });
  });

  it('what a scaler had suspended is let go of once somebody else suspends it', () => {
    const shed = { ...EMPTY_STATE, units: { voice: { platforms: ['voice'], offUntil: START + 60_000, strikes: 0, freedMb: 500 } } };
    const { decisions, state } = inQuiet([suspended('voice', { heldByOthers: true })], shed);
    expect(decisions).toEqual([]);
    expect(state.units['voice']).not.toHaveProperty('offUntil');
  });
});
