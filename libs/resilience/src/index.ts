export { BreakerBoard, shownBreakers } from './breaker-board';
export { type Admission, type BreakerSettings, PlatformBreaker, type ProbeSlot, type Verdict } from './platform-breaker';
