import type { ScalingPolicy } from '@conductor/contracts';
import type { Observation, PlatformObservation } from './observation';

/** A unit as the memory policy sees it. */
export interface Unit {
  readonly name: string;
  readonly platforms: readonly PlatformObservation[];
  /** A lower one goes first. That of its most important platform. */
  readonly priority: number;
  /** Never shed: pinned by a person, or protected by policy. */
  readonly pinned: boolean;
  readonly keptInEmergency: boolean;
  /** Some platform of it is wanted and not suspended. */
  readonly running: boolean;
  /** The scaler's to bring back. */
  readonly shed: boolean;
  readonly rssMb: number | undefined;
}

/** A scaler brings back what a scaler has suspended, nothing else. */
export const isTheScalersToReturn = ({ wanted, heldByOthers }: PlatformObservation): boolean => wanted === 'suspended' && !heldByOthers;

/** How important each platform is: its own priority, else its place in the order (10, 20, …), else where the order says `*`. */
export const prioritiesOf = (policy: ScalingPolicy): ((platform: string) => number) => {
  const places = new Map<string, number>();
  let unnamed: number | undefined;
  policy.order.forEach((name, at) => {
    const place = (at + 1) * 10;
    if (name === '*') unnamed = place;
    for (const platform of policy.groups[name] ?? [name]) if (!places.has(platform)) places.set(platform, place);
  });
  const firstKept = policy.order.findIndex((name) => policy.keepInEmergency.includes(name));
  const others = unnamed ?? (firstKept < 0 ? (policy.order.length + 1) * 10 : (firstKept + 1) * 10 - 5);
  return (platform) => policy.priorities[platform] ?? places.get(platform) ?? others;
};

/** All units, those that go first at the front. */
export const unitsIn = ({ platforms, units }: Observation, policy: ScalingPolicy): Unit[] => {
  const priority = prioritiesOf(policy);
  const kept = new Set(policy.keepInEmergency.flatMap((name) => policy.groups[name] ?? [name]));
  const isProtected = new Set(policy.protected);
  const rss = new Map(units.map((unit) => [unit.name, unit.rssMb]));
  return [...Map.groupBy(platforms, ({ unit }) => unit)]
    .map(([name, members]) => ({
      name,
      platforms: members,
      priority: Math.max(...members.map((member) => priority(member.name))),
      pinned: members.some((member) => member.pinned || isProtected.has(member.name)),
      keptInEmergency: members.some((member) => kept.has(member.name)),
      running: members.some(({ wanted }) => wanted === 'on'),
      shed: members.some(isTheScalersToReturn),
      rssMb: rss.get(name),
    }))
    .sort((a, b) => a.priority - b.priority || a.name.localeCompare(b.name));
};
