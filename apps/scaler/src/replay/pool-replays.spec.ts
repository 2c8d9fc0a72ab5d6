import { ScalingPolicy, type ScalingDecision } from '@conductor/contracts';
import { Plant, type PlantPlatform } from './plant';
import { replay, type ReplayOptions } from './replay';

const START = Date.UTC(2026, 2, 2, 12);
const MINUTE = 60_000;
/** Up to four processes of 10 workers, each worker 10 messages a second: 100 a second and process. */
const GREETER: PlantPlatform = { name: 'greeter', mb: 200, serviceS: 0.1, concurrency: 40, pool: { most: 4, processMb: 100 } };

const run = (rate: (ms: number) => number, minutes: number, more: Partial<ReplayOptions> & { memoryMb?: number; busy?: boolean; spikes?: boolean } = {}) => {
  const plant = new Plant([GREETER], 10_000);
  const observe = plant.observe.bind(plant);
  if (more.busy) plant.observe = (now, demand) => ({ ...observe(now, demand), platforms: observe(now, demand).platforms.map((platform) => ({ ...platform, pool: { ...platform.pool!, idlestInFlight: 1 } })) });
  return replay({
    plant,
    policy: ScalingPolicy.parse({ load: { spikeLeastRequestsPerSecond: more.spikes ? 5 : 10_000 } }),
    from: START,
    to: START + minutes * MINUTE,
    demand: (at) => ({ memoryMb: more.memoryMb ?? 3_000, rates: { greeter: rate(at - START) } }),
    ...more,
  });
};
const steps = (decisions: readonly ScalingDecision[]) => decisions.map(({ kind, trigger, action }) => `${kind} ${trigger} ${action.type} ${action.type === 'pool-size' ? `${action.from}→${action.to}` : ''}`);
/** Five quiet minutes, a crowd for two, and quiet again. */
const crowd = (ms: number) => (ms < 5 * MINUTE ? 20 : ms < 7 * MINUTE ? 150 : 5);

describe('the pool of a plugin', () => {
  it('is doubled at once under load, and given back process by process after 300 s of quiet each, the wish itself at last', () => {
    const { decisions } = run(crowd, 45);

    expect(steps(decisions)).toEqual(['scale-up gradual pool-size 1→2', 'scale-up gradual pool-size 2→4', 'scale-down quiet pool-size 4→3', 'scale-down quiet pool-size 3→2', 'scale-down quiet pool-size 2→1', 'scale-down quiet pool-size 1→null']);
    expect(decisions[0]!.at - START).toBeLessThanOrEqual(5 * MINUTE + 10_000);
    expect(decisions[0]).toMatchObject({
      reason: 'greeter gets sandboxed processes (1 → 2 a host) because its oldest message has waited 3 s',
      expected: { freedMb: -100 },
      inputs: { poolSize: 1, inFlight: expect.any(Number) as unknown },
    });
    expect(decisions.at(-1)!.reason).toBe('greeter gives back sandboxed processes (1 → as its work needs a host) after 5 min of quiet');
    const downs = decisions.filter(({ kind }) => kind === 'scale-down');
    downs.forEach((down, at) => expect(down.at - (downs[at - 1]?.at ?? START + 7 * MINUTE)).toBeGreaterThanOrEqual(5 * MINUTE));
  });

  it('grows only as far as memory has room for it, and then gets more workers instead', () => {
    // Of 7,700 MB that may be in use, 7,450 are: room for two more of 100 MB, not for three.
    const { decisions } = run((ms) => (ms < 5 * MINUTE ? 20 : 390), 7, { memoryMb: 7_250, spikes: true });

    expect(steps(decisions).slice(0, 2)).toEqual(['scale-up gradual pool-size 1→2', 'scale-up spike pool-size 2→3']);
    expect(decisions[2]).toMatchObject({ kind: 'scale-up', action: { type: 'concurrency' } });
  });

  it('keeps a process that has something in hand, however quiet it is', () => {
    expect(steps(run(crowd, 45, { busy: true }).decisions).filter((step) => step.startsWith('scale-down'))).toEqual([]);
  });
});
