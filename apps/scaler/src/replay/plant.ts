import type { ScalingDecision } from '@conductor/contracts';
import type { Observation, PlatformObservation } from '../decide';

/** One platform as a replay knows it. Memory in MB. */
export interface PlantPlatform {
  readonly name: string;
  /** Platforms of one unit share a process. */
  readonly unit?: string;
  readonly mb: number;
  /** What its process takes while it is suspended. */
  readonly shellMb?: number;
  readonly pinned?: boolean;
  /** Time from the wish to the memory being free, and to working again. */
  readonly drainMs?: number;
  readonly startMs?: number;
  /** Time of one message, seconds, and workers as defined. */
  readonly serviceS?: number;
  readonly concurrency?: number;
  /** Where it is a plugin's: its sandboxed processes at most, and what one of them takes; `concurrency` is that of all together. */
  readonly pool?: { readonly most: number; readonly processMb: number };
}

/** What comes from outside at one moment; memory is that of everything but the platforms. */
export interface Demand {
  readonly memoryMb: number;
  /** Requests a second of each platform. */
  readonly rates?: Readonly<Record<string, number>>;
  /** The sensors say nothing. */
  readonly blind?: boolean;
  /** Counters began anew: rates cannot be told. */
  readonly countersReset?: boolean;
}

interface Running {
  wanted: 'on' | 'suspended';
  /** When the wish becomes true. */
  effectiveAt: number;
  generation: number;
  concurrency?: number | undefined;
  instances?: number | undefined;
  poolSize?: number | undefined;
  /** Messages that wait. */
  backlog: number;
}

/** A machine with platforms that does what it is told, with the delays of a real one: what decisions are replayed against. */
export class Plant {
  private readonly states = new Map<string, Running>();
  private at: number | undefined;

  constructor(
    private readonly platforms: readonly PlantPlatform[],
    readonly budgetMb: number,
  ) {
    for (const { name } of platforms) this.states.set(name, { wanted: 'on', effectiveAt: -Infinity, generation: 1, backlog: 0 });
  }

  isOn(name: string): boolean {
    return this.states.get(name)?.wanted === 'on';
  }

  usedMb(demand: Demand, now: number): number {
    return demand.memoryMb + this.units(now).reduce((sum, { rssMb = 0 }) => sum + rssMb, 0);
  }

  /** Messages a second that all workers of a platform can carry. */
  capacity(name: string): number {
    const platform = this.platforms.find((each) => each.name === name);
    return platform ? (this.workers(platform) / (platform.serviceS ?? 0.1)) : 0;
  }

  workerCount(): number {
    return this.platforms.reduce((sum, platform) => sum + this.workers(platform), 0);
  }

  observe(now: number, demand: Demand): Observation {
    const sinceS = Math.max(0, now - (this.at ?? now)) / 1_000;
    this.at = now;
    return {
      at: now,
      ...(!demand.blind && { memory: { wall: 'budget' as const, budgetMb: this.budgetMb, usedMb: this.usedMb(demand, now) } }),
      platforms: this.platforms.map((platform) => this.seen(platform, now, demand, sinceS)),
      units: this.units(now),
    };
  }

  carryOut({ action, platforms }: ScalingDecision, now: number): void {
    for (const name of platforms) {
      const state = this.states.get(name);
      const platform = this.platforms.find((each) => each.name === name);
      if (!state || !platform) continue;
      if (action.type === 'suspend') Object.assign(state, { wanted: 'suspended', effectiveAt: now + (platform.drainMs ?? 3_000), generation: state.generation + 1 });
      if (action.type === 'resume') Object.assign(state, { wanted: 'on', effectiveAt: now + (platform.startMs ?? 4_000), generation: state.generation + 1 });
      if (action.type === 'concurrency') state.concurrency = action.to ?? undefined;
      if (action.type === 'instances') state.instances = action.to;
      if (action.type === 'pool-size') state.poolSize = action.to ?? undefined;
    }
  }

  private seen(platform: PlantPlatform, now: number, demand: Demand, sinceS: number): PlatformObservation {
    const { name, unit = name, pinned = false, serviceS = 0.1, pool } = platform;
    const state = this.states.get(name)!;
    const changed = now >= state.effectiveAt;
    const serving = state.wanted === 'on' && changed;
    const rate = demand.rates?.[name] ?? 0;
    const capacity = serving ? this.capacity(name) : 0;
    state.backlog = Math.max(0, state.backlog + (rate - capacity) * sinceS);
    const concurrency = this.workers(platform);
    const inFlight = serving ? Math.min(concurrency, Math.ceil(rate * serviceS + state.backlog)) : 0;
    return {
      name,
      unit,
      wanted: state.wanted,
      pinned,
      serving,
      processes: [`${unit}:${changed ? state.generation : state.generation - 1}`],
      inFlight,
      concurrency,
      instances: state.instances ?? 1,
      ...(pool && { definedConcurrency: platform.concurrency ?? 10, pool: { size: this.poolSize(platform), most: pool.most, processMb: pool.processMb, idlestInFlight: Math.floor(inFlight / this.poolSize(platform)) } }),
      idlest: { instance: `${name}-1`, inFlight: Math.max(0, inFlight - concurrency / 2) },
      ...(state.concurrency !== undefined && { wantedConcurrency: state.concurrency }),
      ...(state.instances !== undefined && { wantedInstances: state.instances }),
      ...(state.poolSize !== undefined && { wantedPoolSize: state.poolSize }),
      ...(!demand.countersReset && !demand.blind && { requestsPerSecond: serving ? rate : 0 }),
      queueDepth: Math.round(state.backlog),
      queueAgeMs: capacity > 0 ? (state.backlog / capacity) * 1_000 : 0,
    };
  }

  private units(now: number): Array<{ name: string; rssMb?: number }> {
    return [...Map.groupBy(this.platforms, ({ name, unit = name }) => unit)].map(([name, members]) => ({ name, rssMb: this.unitMb(members, now) }));
  }

  /** A process keeps what it has until all that it runs are suspended. */
  private unitMb(members: readonly PlantPlatform[], now: number): number {
    const full = members.reduce((sum, platform) => sum + platform.mb + (platform.pool ? platform.pool.processMb * (this.poolSize(platform) - 1) : 0), 0);
    const off = members.every(({ name }) => this.states.get(name)!.wanted === 'suspended' && now >= this.states.get(name)!.effectiveAt);
    const starting = members.every(({ name }) => this.states.get(name)!.wanted === 'on' && now < this.states.get(name)!.effectiveAt);
    return off || starting ? members.reduce((sum, { shellMb = 0 }) => sum + shellMb, 0) : full;
  }

  private workers(platform: PlantPlatform): number {
    const state = this.states.get(platform.name)!;
    const share = platform.pool ? this.poolSize(platform) / platform.pool.most : 1;
    return Math.ceil(state.concurrency ?? (platform.concurrency ?? 10) * share) * (state.instances ?? 1);
  }

  private poolSize({ name, pool }: PlantPlatform): number {
    return Math.min(pool?.most ?? 1, this.states.get(name)!.poolSize ?? 1);
  }
}
