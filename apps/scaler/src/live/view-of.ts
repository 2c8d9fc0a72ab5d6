import type { ScalingPolicy, ScalingView, UsedForecast } from '@conductor/contracts';
import { inWords, type Observation, type ScalerState } from '../decide';

interface Looked extends Pick<ScalingView, 'forecasts' | 'champions' | 'training'> {
  readonly seen: Observation;
  readonly state: ScalerState;
  readonly policy: ScalingPolicy;
  readonly memory: UsedForecast | undefined;
  readonly by: string;
  readonly priority: (platform: string) => number;
}

/** What all may know of this look. */
export const viewOf = ({ seen, state, policy, memory, by, priority, training, forecasts, champions }: Looked): ScalingView => {
  const percent = (mb: number) => (seen.memory ? Math.round((mb / seen.memory.budgetMb) * 1_000) / 10 : 0);
  const rss = new Map(seen.units.map(({ name, rssMb }) => [name, rssMb]));
  return {
    at: seen.at,
    by,
    training,
    ...(seen.memory && { memory: { ...seen.memory, usedPercent: percent(seen.memory.usedMb), decidingPercent: percent(Math.max(seen.memory.usedMb, memory?.value ?? 0)) } }),
    forecasts,
    champions,
    platforms: seen.platforms.map(({ name, unit, wanted }) => {
      const rssMb = rss.get(unit);
      const freedMb = state.units[unit]?.freedMb;
      return {
        name,
        unit,
        priority: priority(name),
        ...(rssMb !== undefined && { rssMb }),
        ...(freedMb !== undefined && { freedMb }),
        ...(wanted === 'suspended' && waiting(state, policy, unit, seen.at)),
      };
    }),
  };
};

/** What a shed platform waits for, and when that could be over at the earliest. */
const waiting = ({ units, belowSince }: ScalerState, { restoreAtPercent, restoreAfterMs }: ScalingPolicy, unit: string, now: number): { wait: string; returnsAt: number } => ({
  wait: `RAM stays below ${restoreAtPercent} % for ${inWords(restoreAfterMs)}`,
  returnsAt: Math.max(units[unit]?.offUntil ?? 0, (belowSince ?? now) + restoreAfterMs),
});
