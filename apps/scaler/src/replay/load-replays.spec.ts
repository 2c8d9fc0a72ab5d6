import { ScalingPolicy, type ScalingDecision } from '@conductor/contracts';
import { NOTHING_FORESEEN, type Foresight } from '../decide';
import { Plant, type PlantPlatform } from './plant';
import { replay, type ReplayOptions } from './replay';

const START = Date.UTC(2026, 2, 2, 12);
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** 10 workers of 0.1 s each: 100 messages a second. */
const DISCORD: PlantPlatform = { name: 'discord', mb: 300, serviceS: 0.1, concurrency: 10 };

const run = (rate: (ms: number) => number, minutes: number, more: Partial<ReplayOptions> & { load?: Partial<ScalingPolicy['load']>; platforms?: PlantPlatform[] } = {}) =>
  replay({
    plant: new Plant(more.platforms ?? [DISCORD], 10_000),
    policy: ScalingPolicy.parse({ load: { ...more.load } }),
    from: START,
    to: START + minutes * MINUTE,
    demand: (at) => ({ memoryMb: 3_000, rates: { discord: rate(at - START) } }),
    ...more,
  });

const told = (decisions: readonly ScalingDecision[]) => decisions.map(({ at, kind, trigger, action }) => `${((at - START) / SECOND).toFixed(0)} ${kind} ${trigger} ${action.type === 'concurrency' || action.type === 'instances' ? `${action.type} ${action.from}→${action.to}` : ''}`);
const forecastOf = (value: number, lookAheadMs: number) => ({ series: 'rate:discord', lookAheadMs, value, lower: 0, upper: value * 2, model: 'seasonal', error: 0.1 });

describe('a spike', () => {
  it('of twice the normal rate is answered within 30 s, on observation', () => {
    const { decisions } = run((ms) => (ms < 5 * MINUTE ? 20 : 41), 6);

    expect(told(decisions)[0]).toBe('305 scale-up spike concurrency 10→20');
    expect(decisions[0]).toMatchObject({ reason: expect.stringMatching(/discord gets workers \(10 → 20 an instance\) because its rate jumped to 41 a second, 2\.\d times what is normal/) });
  });

  it('is none when it is one figure alone, or when hardly anything comes in', () => {
    expect(run((ms) => (ms === 5 * MINUTE ? 60 : 20), 7).decisions).toEqual([]);
    expect(run((ms) => (ms < 5 * MINUTE ? 0.5 : 3), 7).decisions).toEqual([]);
  });

  it('becomes the new normal when it lasts', () => {
    const spikes = run((ms) => (ms < 5 * MINUTE ? 20 : 60), 60).decisions.filter(({ trigger }) => trigger === 'spike');

    expect(spikes.length).toBeLessThanOrEqual(2);
  });
});

describe('gradual load', () => {
  it('gets more workers when they are nearly all busy, up to the bound', () => {
    const { decisions } = run((ms) => 20 + (ms / MINUTE) * 20, 30);
    const steps = decisions.filter(({ kind }) => kind === 'scale-up').map(({ action }) => action);

    expect(steps.slice(0, 2)).toEqual([{ type: 'concurrency', from: 10, to: 20 }, { type: 'concurrency', from: 20, to: 40 }]);
    expect(Math.max(...steps.map((action) => (action.type === 'concurrency' ? (action.to ?? 0) : 0)))).toBe(40);
  });

  it('gets another process above its requests a second, where more than one is allowed and its memory fits', () => {
    const busy = run((ms) => 20 + (ms / MINUTE) * 20, 20, { load: { maxInstances: 2 } });
    expect(busy.decisions.some(({ action }) => action.type === 'instances' && action.to === 2)).toBe(true);

    const full = run((ms) => 20 + (ms / MINUTE) * 20, 20, { load: { maxInstances: 2 }, demand: (at) => ({ memoryMb: 7_400, rates: { discord: 20 + ((at - START) / MINUTE) * 20 } }) });
    expect(full.decisions.some(({ action }) => action.type === 'instances')).toBe(false);
  });

  it('is answered on a forecast, before it is there', () => {
    const foresee = (at: number): Foresight => ({ ...NOTHING_FORESEEN, requests: new Map(at - START > 2 * MINUTE ? [['discord', forecastOf(250, 5 * MINUTE)]] : []) });
    const { decisions } = run(() => 20, 3, { foresee });

    expect(decisions[0]).toMatchObject({ kind: 'scale-up', trigger: 'gradual', forecast: { value: 250, model: 'seasonal', error: 0.1 } });
  });

  it('that makes messages wait is answered', () => {
    const { decisions } = run(() => 99, 4, { policy: ScalingPolicy.parse({ load: { busyPercent: 100 } }), platforms: [{ ...DISCORD, concurrency: 9 }] });

    expect(decisions[0]).toMatchObject({ kind: 'scale-up', trigger: 'gradual' });
  });
});

describe('a time of day that is known to be busy', () => {
  it('is prepared for 15 minutes ahead', () => {
    const foresee = (at: number): Foresight => ({ ...NOTHING_FORESEEN, dailyPeak: new Map(at - START > 10 * MINUTE ? [['discord', forecastOf(320, 15 * MINUTE)]] : []) });
    const { decisions } = run(() => 20, 12, { foresee });

    expect(decisions[0]).toMatchObject({ kind: 'scale-up', trigger: 'time-of-day', rule: 'time of day: ahead of a learned daily peak by 15 min', reason: expect.stringMatching(/320 requests a second within 15 min/) });
  });
});

describe('quiet', () => {
  const hill = (ms: number) => (ms < 5 * MINUTE ? 20 : ms < 7 * MINUTE ? 95 : 10);

  it('of 300 s takes workers back, step by step, down to what the platform was defined with', () => {
    const { decisions } = run(hill, 40);
    const downs = decisions.filter(({ kind }) => kind === 'scale-down');

    expect(downs[0]!.at - START).toBeGreaterThanOrEqual(10 * MINUTE);
    expect(downs.map(({ action }) => action).at(-1)).toMatchObject({ type: 'concurrency', to: null });
    expect(downs.every((down, at) => at === 0 || down.at - downs[at - 1]!.at >= 5 * MINUTE)).toBe(true);
  });

  it('that is broken begins anew', () => {
    const { decisions } = run((ms) => (ms > 9 * MINUTE && ms < 9.3 * MINUTE ? 95 : hill(ms)), 14);

    expect(decisions.filter(({ kind }) => kind === 'scale-down')).toEqual([]);
  });

  it('takes a process back only when it has nothing in hand', () => {
    const plant = new Plant([DISCORD], 10_000);
    const observe = plant.observe.bind(plant);
    const idleFrom = 20 * MINUTE;
    plant.observe = (now, demand) => {
      const seen = observe(now, demand);
      return { ...seen, platforms: seen.platforms.map((platform) => ({ ...platform, wantedInstances: 2, instances: 2, idlest: { instance: 'discord-2', inFlight: now - START < idleFrom ? 1 : 0 } })) };
    };
    const [down] = run(() => 10, 30, { plant, load: { maxInstances: 2 } }).decisions;

    expect(down).toMatchObject({ kind: 'scale-down', action: { type: 'instances', from: 2, to: 1, idlest: 'discord-2' } });
    expect(down!.at - START).toBeGreaterThanOrEqual(idleFrom);
  });

  it('takes from the idlest platform first, one at a time', () => {
    const platforms = [DISCORD, { ...DISCORD, name: 'voice' }];
    const plant = new Plant(platforms, 10_000);
    const observe = plant.observe.bind(plant);
    plant.observe = (now, demand) => {
      const seen = observe(now, demand);
      return { ...seen, platforms: seen.platforms.map((platform) => ({ ...platform, wantedConcurrency: 40, concurrency: 40, inFlight: platform.name === 'voice' ? 1 : 4 })) };
    };
    const { decisions } = run(() => 10, 6, { plant, platforms });

    expect(decisions.map(({ platforms: [name] }) => name)).toEqual(['voice', 'discord']);
    expect(decisions[1]!.at).toBeGreaterThan(decisions[0]!.at);
  });
});

it('takes counters that begin anew for no rate at all', () => {
  const reset = (at: number) => Math.floor((at - START) / MINUTE) % 3 === 0;
  const { decisions } = run(() => 20, 20, { demand: (at) => ({ memoryMb: 3_000, rates: { discord: 20 }, countersReset: reset(at) }) });

  expect(decisions).toEqual([]);
});
