import type { MeasuredEffect, ScalingDecision, ScalingPolicy } from '@conductor/contracts';
import { decide, EMPTY_STATE, NOTHING_FORESEEN, type Foresight, type ScalerState } from '../decide';
import { Foreseer } from '../foresee/foreseer';
import type { Forecaster } from '../forecast';
import type { Demand, Plant } from './plant';

export interface Moment {
  /** By the clock of the world; a scaler's own clock may be wrong. */
  readonly at: number;
  readonly usedPercent: number;
  readonly forecastPercent?: number | undefined;
  readonly demand: Demand;
  /** Platforms that are shed. */
  readonly off: readonly string[];
  readonly workers: number;
}

export interface Replayed {
  readonly decisions: readonly ScalingDecision[];
  readonly measured: ReadonlyMap<string, MeasuredEffect>;
  readonly moments: readonly Moment[];
  readonly state: ScalerState;
}

export interface ReplayOptions {
  readonly plant: Plant;
  readonly policy: ScalingPolicy;
  readonly from: number;
  readonly to: number;
  readonly demand: (at: number) => Demand;
  /** Without one, nothing is foreseen. */
  readonly forecaster?: Forecaster;
  readonly foresee?: (at: number) => Foresight;
  readonly periodMs?: number | ((at: number) => number);
  /** Looks are closer together while an effect is awaited, as in the live scaler. */
  readonly settlePeriodMs?: number;
  /** What the scaler's clock says. */
  readonly clock?: (at: number) => number;
}

/** Lets the very core that runs live decide over a stretch of time that a plant lives through. */
export const replay = (options: ReplayOptions): Replayed => {
  const { plant, policy, from, to, demand, forecaster, settlePeriodMs = 1_000, clock = (at) => at } = options;
  const foreseer = forecaster && new Foreseer(forecaster);
  const decisions: ScalingDecision[] = [];
  const measured = new Map<string, MeasuredEffect>();
  const moments: Moment[] = [];
  let state = EMPTY_STATE;
  for (let at = from; at <= to; ) {
    const periodMs = typeof options.periodMs === 'function' ? options.periodMs(at) : (options.periodMs ?? 5_000);
    const now = clock(at);
    const seen = { ...plant.observe(at, demand(at)), at: now };
    // The window holds one sample a period, however closely an effect is watched.
    if ((at - from) % periodMs === 0) foreseer?.observe(seen, state);
    const foresight = options.foresee?.(at) ?? foreseer?.look(seen, state, policy, now) ?? NOTHING_FORESEEN;
    const decided = decide(state, seen, foresight, policy, now, { by: 'replay', token: 1 });
    state = decided.state;
    for (const decision of decided.decisions) plant.carryOut(decision, at);
    for (const { decision, effect } of decided.measured) measured.set(decision, effect);
    decisions.push(...decided.decisions);
    moments.push({
      at,
      usedPercent: (plant.usedMb(demand(at), at) / plant.budgetMb) * 100,
      forecastPercent: foresight.memory && (foresight.memory.value / plant.budgetMb) * 100,
      demand: demand(at),
      off: seen.platforms.map(({ name }) => name).filter((name) => !plant.isOn(name)),
      workers: plant.workerCount(),
    });
    at += state.pending ? Math.min(settlePeriodMs, periodMs - ((at - from) % periodMs)) : periodMs - ((at - from) % periodMs);
  }
  return { decisions, measured, moments, state };
};
