import type { ScalingAction } from '@conductor/contracts';
import type { Draft } from './draft';
import type { PlatformObservation } from './observation';

/** One step up or down for a platform. */
export interface Step {
  readonly action: ScalingAction;
  /** What it is likely to take, where that is more than next to nothing. */
  readonly needMb?: number;
}

/**
 * A plugin gets more of its own processes first, since its author said how much each bears. Then workers, or, where one process is the
 * limit, another one.
 */
export const stepUp = (draft: Draft, platform: PlatformObservation, wants: 'workers' | 'instances'): Step | undefined => {
  const [first, second] = wants === 'instances' ? [moreInstances, moreWorkers] : [moreWorkers, moreInstances];
  return largerPool(draft, platform) ?? first(draft, platform) ?? second(draft, platform);
};

/** In the reverse order. */
export const stepDown = (draft: Draft, platform: PlatformObservation): Step | undefined => fewerInstances(platform) ?? fewerWorkers(draft, platform) ?? smallerPool(platform);

/** Doubled, up to its bound. Workers cost next to no memory. */
const moreWorkers = (draft: Draft, platform: PlatformObservation): Step | undefined => {
  const base = draft.state.load[platform.name]?.baseConcurrency;
  const perInstance = platform.wantedConcurrency ?? (base === undefined ? undefined : Math.ceil(base * shareOfPool(platform))) ?? platform.concurrency / platform.instances;
  const most = Math.min(platform.mostConcurrency ?? Infinity, Math.ceil((base ?? perInstance) * draft.policy.load.maxConcurrencyFactor));
  const to = Math.min(Math.ceil(perInstance * 2), most);
  return to > perInstance ? { action: { type: 'concurrency', from: perInstance, to } } : undefined;
};

/** A smaller pool has as much less in hand. */
const shareOfPool = ({ pool, wantedPoolSize }: PlatformObservation): number => (pool && wantedPoolSize !== undefined ? Math.min(1, wantedPoolSize / pool.most) : 1);

/** One more, if its memory would fit where a platform that returns would have to fit. */
const moreInstances = (draft: Draft, platform: PlatformObservation): Step | undefined => {
  const { policy, seen, state } = draft;
  const from = platform.wantedInstances ?? platform.instances;
  const most = Math.min(platform.mostInstances ?? Infinity, policy.load.maxInstancesOf[platform.name] ?? policy.load.maxInstances);
  if (from >= most || state.pending) return undefined;
  const unitMb = seen.units.find(({ name }) => name === platform.unit)?.rssMb;
  const needMb = unitMb === undefined ? policy.assumedMb : unitMb / Math.max(1, platform.instances);
  return fits(draft, needMb) ? { action: { type: 'instances', from, to: from + 1 }, needMb } : undefined;
};

/** Doubled, as far as its manifest allows and memory has room. */
const largerPool = (draft: Draft, { pool, wantedPoolSize, instances }: PlatformObservation): Step | undefined => {
  if (!pool || draft.state.pending) return undefined;
  const from = Math.min(pool.most, wantedPoolSize ?? Math.max(1, pool.size));
  for (let to = Math.min(from * 2, pool.most); to > from; to--) {
    const needMb = (to - pool.size) * Math.max(1, instances) * (pool.processMb ?? draft.policy.assumedMb);
    if (fits(draft, needMb)) return { action: { type: 'pool-size', from, to }, needMb };
  }
  return undefined;
};

/** Where a platform that returns would have to fit, too. */
const fits = (draft: Draft, needMb: number): boolean => {
  const { seen, policy } = draft;
  const after = draft.percent((seen.memory?.usedMb ?? Infinity) + needMb);
  return after !== undefined && after <= policy.disableAtPercent - policy.marginPercent;
};

/** The idlest instance, and only when it has nothing in hand. */
const fewerInstances = ({ wantedInstances, instances, idlest }: PlatformObservation): Step | undefined =>
  wantedInstances !== undefined && wantedInstances > 1 && instances > 1 && idlest?.inFlight === 0
    ? { action: { type: 'instances', from: wantedInstances, to: wantedInstances - 1, idlest: idlest.instance } }
    : undefined;

const fewerWorkers = (draft: Draft, platform: PlatformObservation): Step | undefined => {
  const { wantedConcurrency: from } = platform;
  if (from === undefined) return undefined;
  const base = draft.state.load[platform.name]?.baseConcurrency;
  const half = Math.floor(from / 2);
  if (platform.inFlight > half * Math.max(1, platform.instances)) return undefined;
  return { action: { type: 'concurrency', from, to: base === undefined || half <= base ? null : half } };
};

/** The idlest process, and only when it has nothing in hand; at the end the wish itself, so that the work decides again. */
const smallerPool = ({ pool, wantedPoolSize }: PlatformObservation): Step | undefined => {
  if (!pool || (wantedPoolSize === undefined && pool.size <= 1)) return undefined;
  const from = Math.min(pool.most, wantedPoolSize ?? pool.size);
  if (from <= 1 || pool.size === 0) return { action: { type: 'pool-size', from, to: null } };
  return pool.idlestInFlight > 0 ? undefined : { action: { type: 'pool-size', from, to: from - 1 } };
};

export const inWordsOf = (action: ScalingAction): string => {
  switch (action.type) {
    case 'instances':
      return `${action.to > action.from ? 'an instance more' : 'an instance'} (${action.from} → ${action.to})`;
    case 'concurrency':
      return `workers (${action.from} → ${action.to ?? 'as defined'} an instance)`;
    case 'pool-size':
      return `sandboxed processes (${action.from} → ${action.to ?? 'as its work needs'} a host)`;
    case 'suspend':
    case 'resume':
    case 'none':
      return 'nothing';
  }
};
