import type { BreakerPosition } from '@conductor/contracts';
import { type Admission, type BreakerSettings, PlatformBreaker, type ProbeSlot, type Verdict } from '../platform-breaker';

export type Admitted = Extract<Admission, { admitted: true }>;

export const settings: BreakerSettings = { volume: 4, errorPercent: 50, openMs: 1_000, maxOpenMs: 10_000 };

/** A slot as Redis keeps it: one holder, for all breakers that are given it. */
export class SharedSlot implements ProbeSlot {
  taken = false;

  async take() {
    if (this.taken) return false;
    return (this.taken = true);
  }
  async release() {
    this.taken = false;
  }
}

/** A breaker and what it told. */
export const build = (more: Partial<BreakerSettings> = {}, slot: ProbeSlot = new SharedSlot()) => {
  const changes: BreakerPosition[] = [];
  const breaker = new PlatformBreaker({ ...settings, ...more }, slot, (position) => changes.push(position));
  built.push(breaker);
  return { breaker, changes };
};
const built: PlatformBreaker[] = [];

/** For every test: a clock that stands still until it is told, and no breaker left behind. */
export const useBreakers = () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => {
    for (const breaker of built.splice(0)) breaker.shutdown();
    jest.useRealTimers();
  });
};

/** Lets promises go on; the clock stands still. */
export const settled = () => jest.advanceTimersByTimeAsync(0);
export const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);

export const admitted = async (breaker: PlatformBreaker): Promise<Admitted> => {
  const admission = await breaker.admit();
  if (!admission.admitted) throw new Error(`not admitted: ${admission.why}`);
  return admission;
};

export const report = async (breaker: PlatformBreaker, ...verdicts: Verdict[]) => {
  for (const verdict of verdicts) {
    (await admitted(breaker)).settle(verdict, 'it says no');
    await settled();
  }
};

export const opened = async (...how: Parameters<typeof build>) => {
  const told = build(...how);
  await report(told.breaker, 'failure', 'failure', 'failure', 'failure');
  expect(told.breaker.position).toBe('open');
  return told;
};

export const halfOpened = async (...how: Parameters<typeof build>) => {
  const told = await opened(...how);
  await pass(settings.openMs);
  expect(told.breaker.position).toBe('half-open');
  return told;
};

export const openedForMs = ({ state }: PlatformBreaker) => state.retryAt! - state.since;
