import { ensureDependencies } from './dependencies.mjs';
import { ensureBuilt } from './dist.mjs';
import { checkMachine } from './machine.mjs';
import { oneAtATime } from './one-at-a-time.mjs';

/**
 * From a fresh clone to a build that can run; next to nothing when there is nothing to do.
 * @param what the packages that are needed: those of the `start`, or of the `tests` too
 */
export const prepare = async (what = 'start') => {
  checkMachine();
  await oneAtATime('Installing and building', async () => {
    await ensureDependencies(what);
    await ensureBuilt();
  });
};
