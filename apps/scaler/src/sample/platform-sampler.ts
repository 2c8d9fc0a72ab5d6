import { hostname } from 'node:os';
import type { DesiredState, Presence, ProcessPoolView, QueueView } from '@conductor/contracts';
import type { PlatformObservation, UnitObservation } from '../decide';
import type { ProcessTree } from './process-tree';
import type { Rate } from './rates';
import { processOf } from './units';

/** What was read of all platforms at one moment. */
export interface Readings {
  readonly presences: readonly Presence[];
  readonly desired: ReadonlyMap<string, DesiredState>;
  readonly units: ReadonlyMap<string, string>;
  /** Of this machine only. */
  readonly processes: Pick<ProcessTree, 'of'>;
  readonly rates: ReadonlyMap<string, Rate | undefined>;
  readonly queues: ReadonlyMap<string, QueueView>;
}

/** Puts readings together, platform by platform. */
export const observePlatforms = ({ presences, desired, units, rates, queues }: Readings): PlatformObservation[] => {
  const of = Map.groupBy(presences, ({ platform }) => platform);
  return [...units]
    .filter(([name]) => of.has(name) || desired.has(name))
    .map(([name, unit]) => observe(name, unit, of.get(name) ?? [], desired.get(name), rates.get(name), queues.get(name)));
};

const observe = (name: string, unit: string, all: readonly Presence[], wish: DesiredState | undefined, rate: Rate | undefined, queue: QueueView | undefined): PlatformObservation => {
  const working = all.filter(({ lifecycle }) => lifecycle === 'ready' || lifecycle === 'degraded');
  const idlest = working.reduce<Presence | undefined>((best, one) => (best === undefined || one.inFlight < best.inFlight ? one : best), undefined);
  const [first] = working;
  return {
    name,
    unit,
    wanted: wish && !wish.enabled ? 'disabled' : wish?.suspended ? 'suspended' : 'on',
    ...(wish?.suspended && wish.suspended.decision === undefined && { heldByOthers: true as const }),
    pinned: wish?.pinned ?? false,
    serving: working.length > 0,
    processes: [...new Set(all.map(processOf))],
    inFlight: all.reduce((sum, { inFlight }) => sum + inFlight, 0),
    concurrency: working.reduce((sum, { limit, concurrency }) => sum + (limit ?? concurrency), 0),
    instances: working.length,
    ...(first && { definedConcurrency: first.concurrency }),
    ...(first?.maxConcurrency !== undefined && { mostConcurrency: first.maxConcurrency }),
    ...(first?.atMost && { mostInstances: first.atMost.instances }),
    ...poolOf(working.flatMap(({ pool }) => (pool ? [pool] : []))),
    ...(idlest && { idlest: { instance: idlest.instance, inFlight: idlest.inFlight } }),
    ...(wish?.concurrency !== undefined && { wantedConcurrency: wish.concurrency }),
    ...(wish?.instances !== undefined && { wantedInstances: wish.instances }),
    ...(wish?.poolSize !== undefined && { wantedPoolSize: wish.poolSize }),
    ...(rate && working.length > 0 && rate),
    ...(queue && { queueDepth: queue.waiting + queue.delayed, queueAgeMs: queue.oldestAgeMs }),
  };
};

/** Hosts have pools of about the same size: the largest counts, and the least that all may have. */
const poolOf = (pools: readonly ProcessPoolView[]): Pick<PlatformObservation, 'pool'> => {
  if (pools.length === 0) return {};
  const running = pools.reduce((sum, pool) => sum + pool.running, 0);
  const rssMb = pools.reduce((sum, pool) => sum + pool.rssMb, 0);
  return {
    pool: {
      size: Math.max(...pools.map((pool) => pool.running)),
      most: Math.min(...pools.map((pool) => pool.most)),
      ...(running > 0 && rssMb > 0 && { processMb: rssMb / running }),
      idlestInFlight: running > 0 ? Math.min(...pools.flatMap(({ idlestInFlight }) => (idlestInFlight === undefined ? [] : [idlestInFlight]))) : 0,
    },
  };
};

/** Each process counts once, whatever it runs. What runs elsewhere counts as it says itself. */
export const observeUnits = ({ presences, units, processes }: Readings): UnitObservation[] => {
  const here = hostname();
  return [...new Set(units.values())].map((name) => {
    const own = new Map(presences.filter(({ platform }) => units.get(platform) === name).map((presence) => [processOf(presence), presence]));
    const rssMb = [...own.values()].reduce((sum, { pid, host, rssMb: said }) => sum + (host === here ? (processes.of(pid)?.rssMb ?? 0) : said), 0);
    return { name, rssMb: Math.round(rssMb * 10) / 10 };
  });
};
