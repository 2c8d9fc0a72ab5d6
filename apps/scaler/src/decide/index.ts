/** The core that decides: pure, the same in the live scaler, in replays and in tests. */
export { decide } from './decide';
export { type Decided, type Decider } from './draft';
export { type Foresight, type MemoryObservation, NOTHING_FORESEEN, type Observation, type PlatformObservation, type UnitObservation } from './observation';
export { EMPTY_STATE, type ScalerState } from './scaler-state';
export { prioritiesOf } from './shed-order';
export { causeOf, inWords, shortfallMb } from './shedding';
