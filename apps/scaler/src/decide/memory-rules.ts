import type { Draft } from './draft';
import { restoreNext } from './restoring';
import { explainForecast, inWords, shed } from './shedding';
import type { Unit } from './shed-order';

/** Memory first: who goes, who comes back, or why nothing changes. */
export const decideMemory = (draft: Draft): void => {
  const { policy } = draft;
  const observed = draft.observedPercent;
  watchMarks(draft, observed);
  if (observed === undefined) return standStill(draft, 'sensors', 'memory cannot be measured just now; nothing is shed or restored on a guess');

  const emergency = emergencyIn(draft, observed);
  if (emergency) return inEmergency(draft, emergency, observed);
  if (draft.state.pending) return;
  if (observed >= policy.disableAtPercent) return shedNext(draft, 'observed');
  if (isForecastHeld(draft)) return shedNext(draft, 'forecast');
  if (draft.units.some(isTheScalers)) return restoreNext(draft, (why, sentence) => standStill(draft, why, sentence));
  settleDown(draft);
};

/** Since when memory is below the mark for returning, a forecast above the one for shedding, work waiting for memory. */
const watchMarks = (draft: Draft, observed: number | undefined): void => {
  const { state, policy, now, seen } = draft;
  const { belowSince: _below, forecastSince: _forecast, pressureSince: _pressure, ...rest } = state;
  if (observed === undefined) return void (draft.state = rest);
  const forecast = draft.forecastPercent ?? 0;
  draft.state = {
    ...rest,
    ...(observed < policy.restoreAtPercent && { belowSince: state.belowSince ?? now }),
    ...(forecast >= policy.disableAtPercent && { forecastSince: state.forecastSince ?? now }),
    ...((seen.pressurePercent ?? 0) >= policy.pressurePercent && observed >= policy.disableAtPercent && { pressureSince: state.pressureSince ?? now }),
  };
};

const emergencyIn = ({ policy, state, now }: Draft, observed: number): 'observed' | 'pressure' | undefined => {
  if (observed >= policy.emergencyAtPercent) return 'observed';
  return state.pressureSince !== undefined && now - state.pressureSince >= policy.pressureForMs ? 'pressure' : undefined;
};

/** Not soon after a return, which was decided on observation: a forecast alone does not take that back at once. */
const isForecastHeld = ({ state, policy, now, units }: Draft): boolean => {
  if (state.forecastSince === undefined || now - state.forecastSince < policy.forecastHoldMs) return false;
  return !units.some(({ name }) => now - (state.units[name]?.restoredAt ?? -Infinity) < policy.minOnMs);
};

/** All that may go, at once, whatever is still settling. */
const inEmergency = (draft: Draft, trigger: 'observed' | 'pressure', observed: number): void => {
  const { policy, seen } = draft;
  const going = aboveFloor(draft, draft.units.filter((unit) => mayGo(unit) && !unit.keptInEmergency));
  if (going.length === 0) {
    // What is under way, or what an emergency leaves alone, is all there is.
    if (draft.state.pending) return;
    return shedNext(draft, trigger);
  }
  const because =
    trigger === 'pressure'
      ? `all work had been waiting for memory ${Math.round(seen.pressurePercent ?? 0)} % of the time for ${inWords(policy.pressureForMs)}`
      : `RAM was at ${Math.round(observed)} %, an emergency from ${policy.emergencyAtPercent} % on`;
  shed(draft, going, { kind: 'emergency', trigger, rule: `emergency at ${policy.emergencyAtPercent} %: everything but ${policy.keepInEmergency.join(', ') || 'nothing'} and what is pinned`, because });
};

const shedNext = (draft: Draft, trigger: 'observed' | 'forecast' | 'pressure'): void => {
  const { policy, units } = draft;
  const percent = Math.round(draft.decidingPercent ?? 0);
  const [next] = aboveFloor(draft, units.filter(mayGo)).slice(0, 1);
  const because = trigger === 'forecast' ? explainForecast(draft) : `RAM was at ${Math.round(draft.observedPercent ?? 0)} % of ${draft.seen.memory?.budgetMb.toFixed(0)} MB`;
  if (!next) return standStill(draft, 'nothing-left', `${because}, and nothing is left that may be shed: ${leftIn(units)}`, percent);
  shed(draft, [next], { kind: 'shed', trigger, rule: `shed at ${policy.disableAtPercent} %, observed or forecast: one at a time, in order`, because });
};

/** Leaves as many platforms as must always run, the most important ones. */
const aboveFloor = ({ policy, units }: Draft, candidates: readonly Unit[]): Unit[] => {
  let running = units.filter((unit) => unit.running).flatMap(countOn).reduce((sum, on) => sum + on, 0);
  return candidates.filter((unit) => {
    if (running - countOn(unit) < policy.minimumRunning) return false;
    running -= countOn(unit);
    return true;
  });
};

const countOn = (unit: Unit): number => unit.platforms.filter(({ wanted }) => wanted === 'on').length;
const mayGo = (unit: Unit): boolean => unit.running && !unit.pinned;
const isTheScalers = (unit: Unit): boolean => unit.shed;

const leftIn = (units: readonly Unit[]): string => {
  const left = units.filter(({ running }) => running).map(({ name, pinned }) => `${name} ${pinned ? 'is pinned or protected' : 'must stay'}`);
  return left.join(', ') || 'no platform runs';
};

/** Doing nothing is a decision too, where one could expect something else; each reason is told once. */
const standStill = (draft: Draft, why: string, reason: string, value = 0): void => {
  // Told again when things are getting worse by ten percent.
  const standing = `${why}:${Math.floor(value / 10)}`;
  if (draft.state.standing === standing) return;
  draft.remember({ standing });
  draft.decide({ kind: 'no-change', platforms: [], trigger: 'none', rule: 'nothing may be done, or nothing needs to', reason, action: { type: 'none' }, expected: {}, reconsiderAt: draft.now });
};

const settleDown = (draft: Draft): void => {
  const { standing: _told, ...state } = draft.state;
  draft.state = state;
};
