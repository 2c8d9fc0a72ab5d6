import { constants, PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '@conductor/testing';
import { collectGarbage, collectGarbageAtRest } from './collect-garbage';

let forced = 0;
const observer = new PerformanceObserver((list) => {
  for (const { detail } of list.getEntries() as Array<{ detail?: { flags?: number } }>) if ((detail?.flags ?? 0) & constants.NODE_PERFORMANCE_GC_FLAGS_FORCED) forced++;
});
beforeAll(() => observer.observe({ entryTypes: ['gc'] }));
beforeEach(() => (forced = 0));
afterAll(() => observer.disconnect());

const busyFor = async (ms: number) => {
  const end = performance.now() + ms;
  while (performance.now() < end) {
    for (const from = performance.now(); performance.now() < from + 5; );
    await sleep(0);
  }
};

describe('collecting garbage', () => {
  it('collects at once, and leaves no collector for others to call', async () => {
    collectGarbage();

    await until(() => expect(forced).toBeGreaterThan(0));
    expect(globalThis).not.toHaveProperty('gc');
  });

  it('waits while the process has something to do', async () => {
    collectGarbageAtRest(20);

    await busyFor(200);
    expect(forced).toBe(0);

    await until(() => expect(forced).toBeGreaterThan(0));
  });
});
