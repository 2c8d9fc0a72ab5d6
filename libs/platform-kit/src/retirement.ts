import type { Leaving } from '@conductor/http';
import { inWords } from '@conductor/platform-shell';
import type { PlatformInstance } from './platform-instance';

/**
 * Ends a process of whose platforms none is wanted: what they had loaded is only given back with the process. It comes back as a thin
 * shell (`@conductor/platform-shell`), and whole when one of them is wanted again. Where another platform goes on, only the unwanted
 * one stops, in place.
 * @param instances those of this process, which may come and go
 */
export const retireWhenUnwanted = (instances: readonly PlatformInstance[], leaving: Leaving): ((instance: PlatformInstance) => void) => {
  let left = false;
  const look = () => {
    if (left || !instances.every(({ mayEnd }) => mayEnd)) return;
    left = true;
    for (const instance of instances) instance.stayAway();
    leaving.leave(inWords(instances.map(({ name, state }) => ({ platform: name, ...state }))) || 'it runs no platform');
  };
  // Asked to go, each finishes what it has in hand, however long that takes; the last one to finish opens the way.
  leaving.onAsked = (reason) => void Promise.all(instances.map((instance) => instance.retire(reason))).then(look);
  return (instance) => {
    instance.onIdle = look;
  };
};
