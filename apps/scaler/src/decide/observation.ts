import type { UsedForecast } from '@conductor/contracts';

/** Memory as measured against the wall that counts: a configured budget, the container's limit, or the machine. */
export interface MemoryObservation {
  readonly wall: 'budget' | 'cgroup' | 'host';
  readonly budgetMb: number;
  readonly usedMb: number;
}

/** One platform at one moment. What could not be measured is absent, which is not the same as 0. */
export interface PlatformObservation {
  readonly name: string;
  /** The processes that stand and fall together with it; several platforms may share one. */
  readonly unit: string;
  readonly wanted: 'on' | 'suspended' | 'disabled';
  /** It is suspended, but not by a decision of a scaler: whoever did it brings it back. */
  readonly heldByOthers?: true;
  readonly pinned: boolean;
  /** Some instance of it takes messages. */
  readonly serving: boolean;
  /** Processes that run it, on this machine or elsewhere. */
  readonly processes: readonly string[];
  readonly inFlight: number;
  /** Messages its instances may have in hand, together. */
  readonly concurrency: number;
  readonly instances: number;
  /** Workers of one instance as the platform was defined, and the most it may be given; the same of its processes. */
  readonly definedConcurrency?: number;
  readonly mostConcurrency?: number;
  readonly mostInstances?: number;
  /** Where it runs in sandboxed processes, a plugin's: how many an instance has and may have, what one takes, what the idlest of all has in hand. */
  readonly pool?: { readonly size: number; readonly most: number; readonly processMb?: number; readonly idlestInFlight: number };
  /** The instance with the least in hand. */
  readonly idlest?: { readonly instance: string; readonly inFlight: number };
  /** What is wanted of it; absent: as it was defined. */
  readonly wantedConcurrency?: number;
  readonly wantedInstances?: number;
  readonly wantedPoolSize?: number;
  /** Since the observation before; absent after a gap or when counters began anew. */
  readonly requestsPerSecond?: number;
  readonly errorRate?: number;
  readonly queueDepth?: number;
  readonly queueAgeMs?: number;
}

/** Platforms that share processes. Shedding one of several frees nothing, so a unit goes as a whole. */
export interface UnitObservation {
  readonly name: string;
  /** Resident memory of its processes and their children, counted once. */
  readonly rssMb?: number;
}

export interface Observation {
  /** When it was made, epoch milliseconds. */
  readonly at: number;
  /** Absent: the sensors are silent. */
  readonly memory?: MemoryObservation;
  /** PSI: share of the last 10 s in which everything waited for memory. */
  readonly pressurePercent?: number;
  readonly platforms: readonly PlatformObservation[];
  readonly units: readonly UnitObservation[];
}

/** What is foreseen; absent where nothing can be said. */
export interface Foresight {
  readonly memory?: UsedForecast;
  readonly requests: ReadonlyMap<string, UsedForecast>;
  readonly queueAge: ReadonlyMap<string, UsedForecast>;
  /** Rate at the look-ahead of the daily peak. */
  readonly dailyPeak: ReadonlyMap<string, UsedForecast>;
}

export const NOTHING_FORESEEN: Foresight = { requests: new Map(), queueAge: new Map(), dailyPeak: new Map() };
