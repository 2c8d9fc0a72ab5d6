import { ScalingPolicy, type ScalingDecision } from '@conductor/contracts';
import fc from 'fast-check';
import { Plant, type PlantPlatform } from '../replay/plant';
import { replay, type Replayed } from '../replay/replay';
import { NOTHING_FORESEEN, type Foresight } from './observation';

const START = Date.UTC(2026, 2, 2, 12);
const PERIOD_MS = 5_000;
const BUDGET_MB = 10_000;

const NAMES = ['voice', 'android', 'discord', 'minecraft', 'twitch', 'brain', 'plugin-a', 'plugin-b'];
const STUBS = new Set(['minecraft', 'twitch']);
const PLUGINS = new Set(['plugin-a', 'plugin-b']);
const POOL = { most: 4, processMb: 60 };

const platforms = fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1 }).chain((names) =>
  fc.tuple(...names.map((name) => fc.record({ name: fc.constant(name), unit: fc.constant(STUBS.has(name) ? 'stubs' : name), mb: fc.integer({ min: 20, max: 750 }), shellMb: fc.integer({ min: 0, max: 20 }), pinned: fc.boolean(), drainMs: fc.constantFrom(0, 3_000, 20_000), startMs: fc.constantFrom(1_000, 30_000), pool: fc.constant(PLUGINS.has(name) ? POOL : undefined) }))),
) as fc.Arbitrary<PlantPlatform[]>;

/** Memory and rates as they come: random walks with jumps, silent sensors, forecasts of any worth, a clock that leaps. */
const world = fc.record({
  platforms,
  minimumRunning: fc.integer({ min: 0, max: 3 }),
  walk: fc.array(fc.record({ mb: fc.integer({ min: 0, max: 12_000 }), steps: fc.integer({ min: 1, max: 40 }), blind: fc.boolean(), forecast: fc.option(fc.integer({ min: 0, max: 14_000 })), leapS: fc.constantFrom(0, 0, 0, -5_000, 5_000), rate: fc.integer({ min: 0, max: 500 }) }), { minLength: 1, maxLength: 25 }),
});
type World = typeof world extends fc.Arbitrary<infer T> ? T : never;

/** After the walk two hours of low memory and silence, so that all must come back. */
const livedThrough = ({ platforms: parts, walk, minimumRunning }: World): Replayed & { policy: ScalingPolicy; quietFrom: number } => {
  const steps = walk.flatMap((stretch) => Array.from({ length: stretch.steps }, (_, at) => ({ ...stretch, blind: stretch.blind && at % 3 === 0, leapS: at === 0 ? stretch.leapS : 0 })));
  const leaps = steps.reduce<number[]>((sums, { leapS }) => [...sums, (sums.at(-1) ?? 0) + leapS], []);
  const stepAt = (at: number) => steps[Math.floor((at - START) / PERIOD_MS)];
  const quietFrom = START + steps.length * PERIOD_MS;
  const policy = ScalingPolicy.parse({ minimumRunning, maxOffMs: 600_000 });
  const foresee = (at: number): Foresight => {
    const forecast = stepAt(at)?.forecast ?? null;
    return forecast === null ? NOTHING_FORESEEN : { ...NOTHING_FORESEEN, memory: { series: 'memory:total', lookAheadMs: 300_000, value: forecast, lower: 0, upper: forecast, model: 'linear' } };
  };
  const replayed = replay({
    plant: new Plant(parts, BUDGET_MB),
    policy,
    from: START,
    to: quietFrom + 2 * 3_600_000,
    demand: (at) => {
      const step = stepAt(at);
      return { memoryMb: step?.mb ?? 0, blind: step?.blind ?? false, rates: Object.fromEntries(parts.map(({ name }) => [name, step?.rate ?? 0])) };
    },
    foresee,
    clock: (at) => at + (leaps[Math.min(leaps.length - 1, Math.floor((at - START) / PERIOD_MS))] ?? 0) * 1_000,
    periodMs: (at) => (at < quietFrom ? PERIOD_MS : 5 * PERIOD_MS),
  });
  return { ...replayed, policy, quietFrom };
};

/** All properties look at the same worlds, so each is lived through once; another run of the tests has others. */
const SEED = Date.now();
const lived = new Map<string, ReturnType<typeof livedThrough>>();
const live = (given: World): ReturnType<typeof livedThrough> => {
  const key = JSON.stringify(given);
  const known = lived.get(key) ?? livedThrough(given);
  lived.set(key, known);
  return known;
};
const holds = (property: (lived: ReturnType<typeof live>, world: World) => void) => fc.assert(fc.property(world, (given) => property(live(given), given)), { seed: SEED, numRuns: 60 });
const sheds = (decisions: readonly ScalingDecision[]) => decisions.filter(({ action }) => action.type === 'suspend');

describe('whatever happens', () => {
  it('a pinned or protected platform is never shed, nor one that shares its process', () => {
    holds(({ decisions, policy }, { platforms: parts }) => {
      const pinned = new Set(parts.filter(({ name, pinned: isPinned }) => isPinned || policy.protected.includes(name)).map(({ unit }) => unit));
      for (const { platforms: gone } of sheds(decisions)) for (const name of gone) expect(pinned.has(parts.find((part) => part.name === name)?.unit)).toBe(false);
    });
  });

  it('no more than one is shed at a time outside of an emergency, and none before the one before was measured', () => {
    holds(({ decisions, measured, moments }) => {
      const ordinary = decisions.filter(({ kind }) => kind === 'shed' || kind === 'restore');
      ordinary.forEach((decision, at) => {
        const before = ordinary[at - 1];
        if (!before) return;
        expect(before.at).not.toBe(decision.at);
        const nextIndex = decisions.indexOf(decision);
        const emergencyBetween = decisions.slice(decisions.indexOf(before), nextIndex).some(({ kind }) => kind === 'emergency');
        if (!emergencyBetween) expect(measured.has(before.id)).toBe(true);
      });
      expect(moments.length).toBeGreaterThan(0);
    });
  });

  it('an emergency leaves stubs alone', () => {
    holds(({ decisions }) => {
      for (const { platforms: gone } of decisions.filter(({ kind }) => kind === 'emergency')) expect(gone.some((name) => STUBS.has(name))).toBe(false);
    });
  });

  it('never fewer run than must', () => {
    holds(({ moments, policy }, { platforms: parts }) => {
      const floor = Math.min(policy.minimumRunning, parts.length);
      expect(Math.min(...moments.map(({ off }) => parts.length - off.length))).toBeGreaterThanOrEqual(floor);
    });
  });

  it('everything comes back when memory is low for long enough', () => {
    holds(({ moments }) => expect(moments.at(-1)!.off).toEqual([]));
  });

  it('and load never takes a platform below its floor or above its bounds', () => {
    holds(({ decisions, policy }) => {
      for (const { action } of decisions) {
        if (action.type === 'concurrency' && action.to !== null) expect(action.to).toBeGreaterThanOrEqual(10);
        if (action.type === 'concurrency' && action.to !== null) expect(action.to).toBeLessThanOrEqual(10 * policy.load.maxConcurrencyFactor);
        if (action.type === 'instances') expect(action.to).toBeGreaterThanOrEqual(1);
      }
    });
  });

  it('and a pool of processes stays within its manifest, shrinks one by one and none that has work, and grows only where memory has room', () => {
    holds(({ decisions, policy }) => {
      for (const { action, kind, platforms: [name], inputs, expected } of decisions) {
        if (action.type !== 'pool-size') continue;
        expect(PLUGINS.has(name!)).toBe(true);
        expect(action.to === null || (action.to >= 1 && action.to <= POOL.most)).toBe(true);
        if (kind === 'scale-up') expect((100 * (inputs.usedMb! - expected.freedMb!)) / BUDGET_MB).toBeLessThanOrEqual(policy.disableAtPercent - policy.marginPercent + 0.1);
        else if (action.to !== null) expect({ step: action.from - action.to, inHandOfIdlest: Math.floor(inputs.inFlight! / inputs.poolSize!) }).toEqual({ step: 1, inHandOfIdlest: 0 });
      }
    });
  });

  it('every decision is explained, with its numbers, under an id of its own', () => {
    holds(({ decisions }) => {
      expect(new Set(decisions.map(({ id }) => id)).size).toBe(decisions.length);
      for (const { reason, rule, inputs, kind, platforms: concerned, reconsiderAt, at } of decisions) {
        expect(reason.length).toBeGreaterThan(20);
        expect(reason).not.toMatch(/NaN|undefined|Infinity/);
        expect(rule.length).toBeGreaterThan(5);
        expect(reconsiderAt).toBeGreaterThanOrEqual(at);
        if (kind !== 'no-change') expect(concerned.length).toBeGreaterThan(0);
        if (kind === 'shed' || kind === 'restore' || kind === 'emergency') expect(inputs).toMatchObject({ usedMb: expect.any(Number), budgetMb: BUDGET_MB, usedPercent: expect.any(Number) });
      }
    });
  });

  it('the same world leads to the same decisions', () => {
    fc.assert(fc.property(world, (given) => expect(livedThrough(given).decisions).toEqual(live(given).decisions)), { seed: SEED, numRuns: 5 });
  });
});
