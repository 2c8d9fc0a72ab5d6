import type { Draft } from './draft';
import { inWords, nameOf } from './shedding';
import { on } from './settling';
import { isTheScalersToReturn, type Unit } from './shed-order';

/** Brings one unit back, the last that was shed first, when memory was low for long enough and has room for it. */
export const restoreNext = (draft: Draft, standStill: (why: string, sentence: string) => void): void => {
  const { policy, state, now, units } = draft;
  const shed = units.filter((unit) => unit.shed).reverse();
  const { belowSince, lastRestoreAt } = state;
  if (belowSince === undefined) return standStill('not-low', `${listOf(shed)} ${areWaiting(shed)}: RAM is at ${Math.round(draft.observedPercent ?? 0)} %, not below ${policy.restoreAtPercent} %`);
  if (now - belowSince < policy.restoreAfterMs || now - (lastRestoreAt ?? -Infinity) < policy.restoreEveryMs) return;
  const rested = shed.filter(({ name }) => (state.units[name]?.offUntil ?? -Infinity) <= now);
  if (rested.length === 0) return standStill('resting', `${listOf(shed)} ${areWaiting(shed)} for the end of ${shed.length > 1 ? 'their' : 'its'} least time off`);
  const next = rested.find((unit) => fits(draft, unit));
  if (!next) return standStill('no-room', `${listOf(rested)} ${areWaiting(rested)}: RAM is low enough, but ${rested.map((unit) => `${unit.name} needs ${Math.round(needOf(draft, unit))} MB`).join(', ')}, which would not fit under ${policy.disableAtPercent} % with ${policy.marginPercent} % to spare`);
  restore(draft, next);
};

/** What it gave back when it was shed, as measured; else what it took when it ran; else an assumption. */
export const needOf = ({ state, policy, foresight: _, ...draft }: Draft, unit: Unit): number => {
  const { freedMb, runningMb } = state.units[unit.name] ?? {};
  const rssMb = draft.units.find(({ name }) => name === unit.name)?.rssMb ?? 0;
  return freedMb ?? (runningMb === undefined ? policy.assumedMb : Math.max(0, runningMb - rssMb));
};

const fits = (draft: Draft, unit: Unit): boolean => {
  const percent = draft.percent((draft.seen.memory?.usedMb ?? Infinity) + needOf(draft, unit));
  return percent !== undefined && percent <= draft.policy.disableAtPercent - draft.policy.marginPercent;
};

const restore = (draft: Draft, unit: Unit): void => {
  const { policy, now, seen } = draft;
  const platforms = unit.platforms.filter(isTheScalersToReturn).map(({ name }) => name);
  const needMb = needOf(draft, unit);
  const known = draft.unit(unit.name);
  const decision = draft.decide({
    kind: 'restore',
    platforms,
    trigger: 'quiet',
    rule: `restore below ${policy.restoreAtPercent} %, observed for ${inWords(policy.restoreAfterMs)}: one at a time, in reverse order, when it fits under ${policy.disableAtPercent} % with ${policy.marginPercent} % to spare`,
    reason: `${nameOf(platforms)} ${platforms.length > 1 ? 'return' : 'returns'} because RAM has been below ${policy.restoreAtPercent} % for ${inWords(now - (draft.state.belowSince ?? now))} and has room for the ${Math.round(needMb)} MB ${platforms.length > 1 ? 'they need' : 'it needs'}`,
    inputs: { ...(unit.rssMb !== undefined && { unitMb: unit.rssMb }) },
    action: { type: 'resume' },
    expected: { freedMb: -needMb },
    reconsiderAt: now + policy.minOnMs,
  });
  draft.rememberUnit(unit.name, { ...on(known), platforms: [], restoredAt: now });
  draft.remember({ lastRestoreAt: now });
  draft.await({
    kind: 'restore',
    decisions: { [unit.name]: decision.id },
    unitMb: unit.rssMb === undefined ? {} : { [unit.name]: unit.rssMb },
    processes: [],
    platforms,
    beforeMb: seen.memory?.usedMb ?? 0,
    since: now,
    figures: [],
  });
};

const listOf = (units: readonly Unit[]): string => nameOf(units.map(({ name }) => name));
const areWaiting = (units: readonly Unit[]): string => (units.length > 1 ? 'are waiting' : 'is waiting');
