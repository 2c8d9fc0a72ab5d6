import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Collects all garbage now, which stops everything for 30 to 60 ms. What loading an app leaves behind, some 35 MB, V8 comes round to only
 * after minutes of rest, and until then its young generation keeps the size that it grew to.
 */
export const collectGarbage = (): void => {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  setFlagsFromString('--no-expose-gc');
};
