import { execFileSync } from 'node:child_process';
import { availableParallelism, loadavg } from 'node:os';

/** How long a Node takes to start and end on a machine with nothing else to do. */
const QUIET_START_MS = 60;
const TRIES = 3;
const MAX_PATIENCE = 10;

/**
 * By how much the time limits of tests are to be stretched: 1 on a quiet machine, more on one that is slow or busy. Measured once a run,
 * by starting processes, which is what tests wait for most; what is to come of the load that there is already is taken from the machine.
 */
export const measurePatience = () => {
  const slowness = Math.min(...Array.from({ length: TRIES }, startOne)) / QUIET_START_MS;
  const crowd = loadavg()[0] / availableParallelism();
  return Math.round(Math.min(MAX_PATIENCE, Math.max(1, slowness, crowd)) * 10) / 10;
};

const startOne = () => {
  const startedAt = performance.now();
  execFileSync(process.execPath, ['-e', '0']);
  return performance.now() - startedAt;
};
