import type { LoadMemory, ScalerState, UnitMemory } from './scaler-state';

/** More than this between two looks is a gap: nobody knows what happened meanwhile. */
export const GAP_MS = 30_000;

/**
 * Puts the memory on the present clock. A clock that was set back, and time that nobody watched, count as no time at all: what had to
 * be seen "for long enough" begins anew, and what had still to be waited for is still to be waited for. So neither a clock that jumps nor a
 * scaler that slept can shorten a dwell, and none can stretch it to hours.
 */
export const onTimeLine = (state: ScalerState, now: number): ScalerState => {
  if (state.lastAt === undefined) return { ...state, lastAt: now, sinceMs: 0 };
  const step = now - state.lastAt;
  if (step >= 0 && step <= GAP_MS) return { ...state, lastAt: now, sinceMs: step };
  return { ...shifted(state, step), lastAt: now, sinceMs: 0 };
};

const shifted = ({ belowSince: _below, forecastSince: _forecast, pressureSince: _pressure, ...state }: ScalerState, by: number): ScalerState => ({
  ...state,
  ...(state.pending && { pending: { ...state.pending, since: state.pending.since + by } }),
  ...(state.lastRestoreAt !== undefined && { lastRestoreAt: state.lastRestoreAt + by }),
  units: mapped(state.units, (unit): UnitMemory => ({
    ...unit,
    ...(unit.offUntil !== undefined && { offUntil: unit.offUntil + by }),
    ...(unit.restoredAt !== undefined && { restoredAt: unit.restoredAt + by }),
  })),
  load: mapped(state.load, ({ quietSince: _quiet, spikeSince: _spike, ...load }): LoadMemory => ({ ...load, ...(load.upAt !== undefined && { upAt: load.upAt + by }) })),
});

const mapped = <T>(record: Readonly<Record<string, T>>, change: (value: T) => T): Record<string, T> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
