import type { ScalingDecision } from '@conductor/contracts';
import type { Draft } from './draft';
import { concerns } from './settling';
import type { Unit } from './shed-order';
import type { UnitMemory } from './scaler-state';

interface Cause {
  readonly kind: 'shed' | 'emergency';
  readonly trigger: ScalingDecision['trigger'];
  readonly rule: string;
  readonly because: string;
}

const RETURNS = /; (?:it returns|they return) when /;

/** Decides that these units go, and waits for what it gives. */
export const shed = (draft: Draft, units: readonly Unit[], cause: Cause): void => {
  const before = draft.state.pending;
  const decisions = Object.fromEntries(units.map((unit) => [unit.name, shedOne(draft, unit, cause).id]));
  const platforms = units.flatMap((unit) => unit.platforms.filter(({ wanted }) => wanted === 'on'));
  draft.await({
    kind: cause.kind,
    // An emergency does not wait for what is under way, but goes on measuring it.
    decisions: { ...(before?.kind !== 'restore' && before?.decisions), ...decisions },
    unitMb: { ...(before?.kind !== 'restore' && before?.unitMb), ...Object.fromEntries(units.flatMap(({ name, rssMb }) => (rssMb === undefined ? [] : [[name, rssMb]]))) },
    processes: [...(before?.processes ?? []), ...platforms.flatMap(({ processes }) => processes)],
    platforms: [...(before?.platforms ?? []), ...platforms.map(({ name }) => name)],
    beforeMb: before?.beforeMb ?? draft.seen.memory?.usedMb ?? 0,
    since: draft.now,
    figures: [],
  });
};

const shedOne = (draft: Draft, unit: Unit, { kind, trigger, rule, because }: Cause): ScalingDecision => {
  const { policy, now, foresight } = draft;
  const platforms = unit.platforms.filter(({ wanted }) => wanted === 'on').map(({ name }) => name);
  const known = draft.unit(unit.name);
  const flaps = known.restoredAt !== undefined && now - known.restoredAt < policy.flapWindowMs;
  const strikes = flaps ? known.strikes + 1 : 0;
  const offMs = Math.min(policy.maxOffMs, policy.minOffMs * 2 ** strikes);
  const memory: UnitMemory = {
    platforms,
    strikes,
    offUntil: now + offMs,
    ...(known.freedMb !== undefined && { freedMb: known.freedMb }),
    ...(unit.rssMb === undefined ? known.runningMb !== undefined && { runningMb: known.runningMb } : { runningMb: unit.rssMb }),
  };
  draft.rememberUnit(unit.name, memory);
  const reconsiderAt = now + Math.max(offMs, policy.restoreAfterMs);
  const again = strikes > 0 ? `; it was shed soon after its return ${strikes} time${strikes > 1 ? 's' : ''} in a row, so it stays off at least ${inWords(offMs)}` : '';
  return draft.decide({
    kind,
    platforms,
    trigger,
    rule,
    reason: `${nameOf(platforms)} ${platforms.length > 1 ? 'are' : 'is'} shed because ${because}; ${platforms.length > 1 ? 'they return' : 'it returns'} when RAM stays below ${policy.restoreAtPercent} % for ${inWords(policy.restoreAfterMs)} and has room for ${platforms.length > 1 ? 'them' : 'it'}${again}`,
    inputs: { ...(unit.rssMb !== undefined && { unitMb: unit.rssMb }), inFlight: unit.platforms.reduce((sum, { inFlight }) => sum + inFlight, 0) },
    ...(foresight.memory && { forecast: foresight.memory }),
    action: { type: 'suspend' },
    expected: expectedOf(memory),
    reconsiderAt,
  });
};

/** Why something was shed, as `reason` says it: `RAM was forecast at 86 % in 5 min …`. */
export const causeOf = ({ reason }: Pick<ScalingDecision, 'reason'>): string => reason.slice(reason.indexOf(' because ') + ' because '.length).split(RETURNS, 1)[0]!;

const expectedOf = ({ freedMb, runningMb }: UnitMemory): ScalingDecision['expected'] => {
  const expected = freedMb ?? runningMb;
  return expected === undefined ? {} : { freedMb: expected };
};

export const explainForecast = ({ foresight, forecastPercent, observedPercent }: Draft): string => {
  const { lookAheadMs = 0, model = '', error } = foresight.memory ?? {};
  const trust = error === undefined ? '' : `, wrong by ${(error * 100).toFixed(1)} % of late`;
  return `RAM was forecast at ${Math.round(forecastPercent ?? 0)} % in ${inWords(lookAheadMs)} (${model}${trust}) while it was at ${Math.round(observedPercent ?? 0)} %`;
};

export const nameOf = (platforms: readonly string[]): string => (platforms.length < 2 ? (platforms[0] ?? 'nothing') : `${platforms.slice(0, -1).join(', ')} and ${platforms.at(-1)}`);

/** `90 s`, `5 min`, `2 h` */
export const inWords = (ms: number): string => (ms < 120_000 ? `${Math.round(ms / 1_000)} s` : ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`);

/**
 * What the shed units would take if they ran, beyond what they take now. Added to memory in use it gives the demand, a series without the steps that
 * the scaler itself makes: a forecast of that one is not fooled by what was shed.
 */
export const shortfallMb = ({ units, pending }: Pick<Draft['state'], 'units' | 'pending'>, rssMbOf: (unit: string) => number | undefined): number =>
  Object.entries(units)
    .filter(([name, { offUntil }]) => offUntil !== undefined || (pending?.kind === 'restore' && concerns(pending, name)))
    .reduce((sum, [name, { runningMb, freedMb }]) => {
      const rssMb = rssMbOf(name);
      // Of a unit that is not there any more nothing is missing.
      return rssMb === undefined ? sum : sum + Math.max(0, runningMb === undefined ? (freedMb ?? 0) : runningMb - rssMb);
    }, 0);
