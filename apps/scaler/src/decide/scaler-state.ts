/** What the scaler remembers of one unit. Times are epoch milliseconds on the scaler's own time line (see `time-line.ts`). */
export interface UnitMemory {
  /** Platforms that the scaler has shed with it. */
  readonly platforms: readonly string[];
  /** What it gave back when it was last shed, as measured. */
  readonly freedMb?: number;
  /** Resident memory when it last ran. */
  readonly runningMb?: number;
  /** Not restored before. Set while it is shed. */
  readonly offUntil?: number;
  readonly restoredAt?: number;
  /** How often in a row it was shed soon after its return. */
  readonly strikes: number;
}

/** An action whose effect is awaited before the next one. */
export interface Pending {
  readonly kind: 'shed' | 'restore' | 'emergency';
  /** Each unit concerned, and the decision about it. */
  readonly decisions: Readonly<Record<string, string>>;
  /** Resident memory of each unit before. */
  readonly unitMb: Readonly<Record<string, number>>;
  /** Processes that must be gone. */
  readonly processes: readonly string[];
  readonly platforms: readonly string[];
  readonly beforeMb: number;
  readonly since: number;
  /** The latest figures of memory in use, to see whether it has settled. */
  readonly figures: readonly number[];
}

/** What the scaler remembers of one platform's load. */
export interface LoadMemory {
  /** Smoothed requests a second over some minutes: what is normal. */
  readonly normal?: number;
  /** Seconds of observation behind `normal`. */
  readonly seenMs: number;
  /** Workers of one instance as the platform was defined. */
  readonly baseConcurrency?: number;
  readonly upAt?: number;
  /** Since when the rate is a multiple of the normal one. */
  readonly spikeSince?: number;
  /** Since when all is quiet. */
  readonly quietSince?: number;
}

/** Everything the decisions depend on besides what is seen. Plain JSON, so that another scaler can go on from it. */
export interface ScalerState {
  /** Counts decisions, for their ids. */
  readonly decisions: number;
  readonly lastAt?: number;
  /** From the look before to this one; 0 after a gap. */
  readonly sinceMs?: number;
  readonly pending?: Pending;
  readonly belowSince?: number;
  readonly forecastSince?: number;
  readonly pressureSince?: number;
  readonly lastRestoreAt?: number;
  readonly units: Readonly<Record<string, UnitMemory>>;
  readonly load: Readonly<Record<string, LoadMemory>>;
  /** The latest reason to do nothing, so that it is told once. */
  readonly standing?: string;
}

export const EMPTY_STATE: ScalerState = { decisions: 0, units: {}, load: {} };
