import { performance } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** An app has settled by then: its connections stand, its first checks were answered. */
const LOOK_EVERY_MS = 5_000;
/** Share of the time in which the event loop of a process at rest does something. */
const AT_REST = 0.1;

/**
 * Collects all garbage now, which stops everything for 30 to 60 ms. What loading an app leaves behind, some 35 MB, V8 comes round to only
 * after minutes of rest, and until then its young generation keeps the size that it grew to.
 */
export const collectGarbage = (): void => {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  setFlagsFromString('--no-expose-gc');
};

/** Once, and no message waits for it: in some seconds, or as soon as the process has had little to do for some seconds. */
export const collectGarbageAtRest = (everyMs = LOOK_EVERY_MS): void => {
  let before = performance.eventLoopUtilization();
  const looks = setInterval(() => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    if (utilization > AT_REST) return;
    clearInterval(looks);
    collectGarbage();
  }, everyMs).unref();
};
