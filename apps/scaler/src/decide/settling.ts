import type { Draft } from './draft';
import type { Pending, UnitMemory } from './scaler-state';

/** So many figures in a row must be alike. */
const FIGURES = 3;
/** Alike: within this share of the wall, or within this many MB. */
const ALIKE_SHARE = 0.005;
const ALIKE_MB = 8;

/** Whoever brought a shed platform back by hand is right: the scaler lets go of it. */
export const noticeOperators = (draft: Draft): void => {
  for (const unit of draft.units) {
    const memory = draft.state.units[unit.name];
    if (memory?.offUntil === undefined || unit.shed || concerns(draft.state.pending, unit.name)) continue;
    draft.rememberUnit(unit.name, { ...on(memory), platforms: [], restoredAt: draft.now });
  }
};

/**
 * Looks whether the effect of the latest action can be told: its processes are gone (or back), and memory in use does not move any more; or
 * the time for that is over. Until then nothing else is shed or restored, except in an emergency.
 */
export const conclude = (draft: Draft): void => {
  const { seen, now, policy } = draft;
  const pending = draft.state.pending;
  if (!pending) return;
  const figures = seen.memory ? [...pending.figures, seen.memory.usedMb].slice(-FIGURES) : pending.figures;
  const late = now - pending.since >= policy.settleMs;
  const settled = isDone(draft, pending) && areAlike(figures, seen.memory?.budgetMb ?? 0);
  if (!settled && !late) return draft.remember({ pending: { ...pending, figures } });
  for (const [name, decision] of Object.entries(pending.decisions)) {
    const freedMb = freedBy(draft, pending, name);
    draft.measured.push({ decision, effect: { at: now, beforeMb: pending.beforeMb, afterMb: round(figures.at(-1) ?? pending.beforeMb), freedMb: round(freedMb), settled } });
    // What did not become less was not measured: another try tells more than a zero.
    if (pending.kind !== 'restore' && freedMb > 0) draft.rememberUnit(name, { ...draft.unit(name), freedMb: round(freedMb) });
  }
  const { pending: _done, ...state } = draft.state;
  draft.state = state;
};

export const concerns = (pending: Pending | undefined, unit: string): boolean => pending !== undefined && unit in pending.decisions;

const isDone = ({ seen }: Draft, { kind, processes, platforms }: Pending): boolean => {
  const concerned = seen.platforms.filter(({ name }) => platforms.includes(name));
  if (kind === 'restore') return concerned.every(({ serving }) => serving);
  const alive = new Set(concerned.flatMap((platform) => platform.processes));
  return !processes.some((process) => alive.has(process));
};

const areAlike = (figures: readonly number[], budgetMb: number): boolean =>
  figures.length >= FIGURES && Math.max(...figures) - Math.min(...figures) <= Math.max(ALIKE_MB, budgetMb * ALIKE_SHARE);

/** By the processes themselves, since everything else on the machine moves too; by the whole only when they could not be measured. */
const freedBy = (draft: Draft, pending: Pending, name: string): number => {
  const before = pending.unitMb[name];
  const unit = draft.seen.units.find((each) => each.name === name);
  if (before !== undefined && unit?.rssMb !== undefined) return before - unit.rssMb;
  if (before !== undefined && !unit) return before;
  return draft.seen.memory ? (pending.beforeMb - draft.seen.memory.usedMb) / Object.keys(pending.decisions).length : 0;
};

/** Without what only concerns a unit that is off. */
export const on = ({ offUntil: _off, ...memory }: UnitMemory): UnitMemory => memory;

const round = (mb: number) => Math.round(mb * 10) / 10;
