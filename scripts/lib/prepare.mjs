import { ensureDependencies } from './dependencies.mjs';
import { ensureBuilt } from './dist.mjs';
import { checkMachine } from './machine.mjs';
import { oneAtATime } from './one-at-a-time.mjs';

/** From a fresh clone to a build that can run; next to nothing when there is nothing to do. */
export const prepare = async () => {
  checkMachine();
  await oneAtATime(async () => {
    await ensureDependencies();
    await ensureBuilt();
  });
};
