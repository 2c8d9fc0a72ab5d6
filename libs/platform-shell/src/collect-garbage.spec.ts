import { setTimeout as sleep } from 'node:timers/promises';
import { collectGarbage } from './collect-garbage';

describe('collecting garbage', () => {
  it('collects what nobody holds, and leaves no collector for others to call', async () => {
    const forgotten = new WeakRef({ large: new Array(1_000) });
    // A reference is held on to until the end of the turn in which it was read.
    await sleep(0);

    collectGarbage();

    expect(forgotten.deref()).toBeUndefined();
    expect(globalThis).not.toHaveProperty('gc');
  });
});
