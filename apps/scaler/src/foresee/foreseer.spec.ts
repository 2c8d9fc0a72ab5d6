import { ScalingPolicy } from '@conductor/contracts';
import { EMPTY_STATE, type Observation, type ScalerState } from '../decide';
import { Forecaster } from '../forecast';
import { Foreseer } from './foreseer';

const PERIOD_MS = 5_000;
const policy = ScalingPolicy.parse({});
const seenAt = (at: number, usedMb: number, voiceMb: number): Observation => ({
  at,
  memory: { wall: 'budget', budgetMb: 10_000, usedMb },
  units: [{ name: 'voice', rssMb: voiceMb }],
  platforms: [{ name: 'voice', unit: 'voice', wanted: 'on', pinned: false, serving: true, processes: ['1'], inFlight: 0, concurrency: 10, instances: 1, requestsPerSecond: 5, queueAgeMs: 40 }],
});
const shed: ScalerState = { ...EMPTY_STATE, units: { voice: { platforms: ['voice'], strikes: 0, offUntil: 1, runningMb: 1_100, freedMb: 1_000 } } };

it('takes what it has shed for no trend: the forecast is one of demand, less what is missing', () => {
  const foreseer = new Foreseer(new Forecaster());
  let at = 0;
  for (; at < 600_000; at += PERIOD_MS) foreseer.observe(seenAt(at, 8_000, 1_100), EMPTY_STATE);
  for (; at < 900_000; at += PERIOD_MS) foreseer.observe(seenAt(at, 7_000, 100), shed);

  const latest = seenAt(at - PERIOD_MS, 7_000, 100);
  expect(foreseer.look(latest, shed, policy, at).memory?.value).toBeCloseTo(7_000, -2);
  expect(foreseer.view(latest, shed, at).forecasts.find(({ series }) => series === 'memory:total')).toMatchObject({ observed: 7_000 });
});

it('foresees requests a second, and the wait in milliseconds', () => {
  const foreseer = new Foreseer(new Forecaster());
  for (let at = 0; at <= 600_000; at += PERIOD_MS) foreseer.observe(seenAt(at, 8_000, 1_100), EMPTY_STATE);
  const { requests, queueAge } = foreseer.look(seenAt(600_000, 8_000, 1_100), EMPTY_STATE, policy, 600_000);

  expect(requests.get('voice')).toMatchObject({ lookAheadMs: 300_000, model: expect.any(String) });
  expect(requests.get('voice')!.value).toBeCloseTo(5, 0);
  expect(queueAge.get('voice')!.value).toBeGreaterThan(20);
  expect(queueAge.get('voice')!.value).toBeLessThan(100);
});

it('foresees nothing of what has fallen silent, and forgets who is gone', () => {
  const foreseer = new Foreseer(new Forecaster());
  for (let at = 0; at <= 600_000; at += PERIOD_MS) foreseer.observe(seenAt(at, 8_000, 1_100), EMPTY_STATE);
  const latest = seenAt(600_000, 8_000, 1_100);
  expect(foreseer.look(latest, EMPTY_STATE, policy, 7_200_000).memory).toBeUndefined();

  foreseer.observe({ ...latest, at: 605_000, units: [], platforms: [] }, EMPTY_STATE);
  expect(foreseer.look(latest, EMPTY_STATE, policy, 605_000).requests.size).toBe(0);
});
