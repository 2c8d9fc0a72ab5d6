import type { ScalingPolicy } from '@conductor/contracts';
import { type Decided, type Decider, Draft } from './draft';
import { decideLoad } from './load-rules';
import { decideMemory } from './memory-rules';
import type { Foresight, Observation } from './observation';
import type { ScalerState } from './scaler-state';
import { conclude, noticeOperators } from './settling';
import { onTimeLine } from './time-line';

/**
 * One look at the system, and what follows from it. Pure: no clock, no I/O, the same in replays, in tests and in the live scaler.
 * @param now epoch milliseconds; may jump either way between calls
 */
export const decide = (state: ScalerState, seen: Observation, foresight: Foresight, policy: ScalingPolicy, now: number, who: Decider): Decided => {
  const draft = new Draft(onTimeLine(state, now), seen, foresight, policy, now, who);
  noticeOperators(draft);
  conclude(draft);
  decideMemory(draft);
  decideLoad(draft);
  return { state: draft.state, decisions: draft.decisions, measured: draft.measured };
};
