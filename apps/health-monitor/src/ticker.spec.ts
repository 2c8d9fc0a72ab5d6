import { until } from '@conductor/testing';
import { type Tick, Ticker } from './ticker';

const PERIOD_MS = 40;
let ticker: Ticker | undefined;
afterEach(() => ticker?.stop());

describe('the ticker', () => {
  it('ticks at whole multiples of its period, and does not drift', async () => {
    // By a clock that stands still when nobody looks: on a busy machine ticks are missed, which looks like drift.
    jest.useFakeTimers({ now: 1_000_000_007 });
    try {
      const ticks: Tick[] = [];
      ticker = new Ticker(PERIOD_MS, async (tick) => {
        ticks.push(tick);
        jest.setSystemTime(Date.now() + 30); // an interval would be later by this much each time
      });
      ticker.start();
      while (ticks.length < 21) await jest.advanceTimersByTimeAsync(1);

      expect(ticks).toEqual(Array.from({ length: 21 }, (_, index) => ({ due: 1_000_000_040 + index * PERIOD_MS, lateMs: 0 })));
    } finally {
      jest.useRealTimers();
    }
  });

  it('never does the work twice at once, and skips what it missed meanwhile', async () => {
    const ticks: Tick[] = [];
    let working = 0;
    ticker = new Ticker(PERIOD_MS, async (tick) => {
      ticks.push(tick);
      expect(++working).toBe(1);
      if (ticks.length === 1) await new Promise((resolve) => setTimeout(resolve, 2.5 * PERIOD_MS));
      working--;
    });
    ticker.start();

    await until(() => expect(ticks.length).toBeGreaterThan(2));
    expect(ticks[1]!.due - ticks[0]!.due).toBeGreaterThanOrEqual(3 * PERIOD_MS);
  });

  it('waits for the work in hand when it is stopped, and ticks no more', async () => {
    let begun = 0;
    let done = 0;
    ticker = new Ticker(PERIOD_MS, async () => {
      begun++;
      await new Promise((resolve) => setTimeout(resolve, 20));
      done++;
    });
    ticker.start();
    await until(() => expect(begun).toBe(1));

    await ticker.stop();

    expect(done).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 2 * PERIOD_MS));
    expect(begun).toBe(1);
  });
});
