import { DEFAULT_RULES, Forecaster } from '../forecast';
import { type Demand, Plant, type PlantPlatform } from './plant';
import type { NamedPolicy } from './policies';
import { replay, type Replayed } from './replay';
import type { Recorded } from './series-file';

/** What one policy did with one series. */
export interface Trial {
  readonly policy: NamedPolicy;
  readonly replayed: Replayed;
  /** Memory: hours that platforms were off. Requests: hours that workers were held, in units of what the platform was defined with. */
  readonly cost: number;
  /** Share of the time beyond the wall: memory above the emergency mark, or more requests than the workers can carry. */
  readonly breaches: number;
  /** Sheds and returns, or steps up and down. */
  readonly switches: number;
}

export type Kind = 'memory' | 'requests';

/** Memory is measured against this; the series is stretched so that its peak would reach 105 % of it with every platform running. */
const BUDGET_MB = 12_000;
const PEAK_SHARE = 1.05;
const HEAVY: readonly PlantPlatform[] = [
  { name: 'voice', mb: 1_200, shellMb: 80 },
  { name: 'android', mb: 500, shellMb: 80 },
  { name: 'discord', mb: 700, shellMb: 80 },
  { name: 'minecraft', unit: 'stubs', mb: 100, shellMb: 40 },
  { name: 'brain', mb: 150 },
];

/** One platform whose workers, as defined, carry so many requests a second; the series is stretched so that its peak needs three times as many. */
const SERVICE: PlantPlatform = { name: 'service', mb: 300, serviceS: 0.1, concurrency: 20 };
const DEFINED_PER_SECOND = 200;
const PEAK_FACTOR = 3;

/** A longer step would count as a gap. */
const LONGEST_STEP_MS = 15_000;

/** Lets one policy live through a series. The figures of the series stand until the next one. */
export const tryOut = (policy: NamedPolicy, series: Recorded, kind: Kind): Trial => {
  const periodMs = Math.min(LONGEST_STEP_MS, series.everyMs);
  const [first, last] = [series.points[0]!.at, series.points.at(-1)!.at];
  const demand = demandOf(series, kind);
  const plant = kind === 'memory' ? new Plant(HEAVY, BUDGET_MB) : new Plant([SERVICE], BUDGET_MB);
  const replayed = replay({ plant, policy: policy.policy, from: first, to: last, demand, periodMs, settlePeriodMs: Math.min(periodMs, 3_000), ...(policy.foresees && { forecaster: new Forecaster({ ...DEFAULT_RULES, periodMs }) }) });
  return { policy, replayed, ...(kind === 'memory' ? memoryFigures(replayed, policy) : loadFigures(replayed)) };
};

const demandOf = ({ points }: Recorded, kind: Kind): ((at: number) => Demand) => {
  const peak = Math.max(...points.map(({ value }) => value)) || 1;
  let index = 0;
  const valueAt = (at: number): number => {
    if (at < points[index]!.at) index = 0;
    while (index + 1 < points.length && points[index + 1]!.at <= at) index++;
    return points[index]!.value;
  };
  if (kind === 'requests') return (at) => ({ memoryMb: BUDGET_MB / 4, rates: { service: (valueAt(at) / peak) * DEFINED_PER_SECOND * PEAK_FACTOR } });
  const room = BUDGET_MB * PEAK_SHARE - HEAVY.reduce((sum, { mb }) => sum + mb, 0);
  return (at) => ({ memoryMb: (valueAt(at) / peak) * room });
};

/** Each moment counts for as long as it lasts. */
const hours = ({ moments }: Replayed, weigh: (at: number) => number): number =>
  moments.reduce((sum, { at }, index) => sum + weigh(index) * Math.max(0, (moments[index + 1]?.at ?? at) - at), 0) / 3_600_000;

const memoryFigures = (replayed: Replayed, { policy }: NamedPolicy) => {
  const { moments, decisions } = replayed;
  const all = hours(replayed, () => 1);
  return {
    cost: hours(replayed, (index) => moments[index]!.off.length),
    breaches: hours(replayed, (index) => (moments[index]!.usedPercent > policy.emergencyAtPercent ? 1 : 0)) / all,
    switches: decisions.filter(({ action }) => action.type === 'suspend' || action.type === 'resume').length,
  };
};

const loadFigures = (replayed: Replayed) => {
  const { moments, decisions } = replayed;
  const defined = SERVICE.concurrency ?? 1;
  const carried = (index: number) => (moments[index]!.workers / defined) * DEFINED_PER_SECOND;
  return {
    cost: hours(replayed, (index) => moments[index]!.workers / defined),
    breaches: hours(replayed, (index) => ((moments[index]!.demand.rates?.['service'] ?? 0) > carried(index) ? 1 : 0)) / hours(replayed, () => 1),
    switches: decisions.filter(({ kind }) => kind === 'scale-up' || kind === 'scale-down').length,
  };
};

/** What the plot shows: what was needed and what there was, both in the same unit. */
export const curvesOf = ({ replayed, policy: { policy } }: Trial, kind: Kind) =>
  kind === 'memory'
    ? { unit: '% of memory', needed: replayed.moments.map(({ at, usedPercent }) => ({ at, value: usedPercent })), provided: [], marks: [policy.restoreAtPercent, policy.disableAtPercent, policy.emergencyAtPercent] }
    : {
        unit: 'requests/s',
        needed: replayed.moments.map(({ at, demand }) => ({ at, value: demand.rates?.['service'] ?? 0 })),
        provided: replayed.moments.map(({ at, workers }) => ({ at, value: (workers / (SERVICE.concurrency ?? 1)) * DEFINED_PER_SECOND })),
        marks: [],
      };
