import fc from 'fast-check';
import { AdaptiveLimit } from './adaptive-limit';

/** The greatest limit while a few more windows of the same latency pass: now and then it is halved for a moment. */
const greatest = (limit: AdaptiveLimit, ms: number) => {
  let most = 0;
  for (let n = 0; n < 50; n++, most = Math.max(most, limit.limit)) limit.sample(ms, limit.limit);
  return most;
};

/** Whole windows of the same latency and use. */
const feed = (limit: AdaptiveLimit, windows: number, ms: number, inFlight: number | 'all') => {
  for (let n = 0; n < windows * 10; n++) limit.sample(ms, inFlight === 'all' ? limit.limit : inFlight);
};

describe('an adaptive limit', () => {
  it('starts with 20, or with less where less is the most', () => {
    expect(new AdaptiveLimit(1, 100).limit).toBe(20);
    expect(new AdaptiveLimit(1, 8).limit).toBe(8);
  });

  it('grows to its bound while it is made use of and answers take as long as ever', () => {
    const limit = new AdaptiveLimit(1, 100);
    feed(limit, 200, 50, 'all');

    expect(greatest(limit, 50)).toBe(100);
  });

  it('does not grow while less than half of it is in use', () => {
    const limit = new AdaptiveLimit(1, 100);
    feed(limit, 200, 50, 9);

    expect(limit.limit).toBe(20);
  });

  it('shrinks when answers begin to take much longer, and grows again when they are quick again', () => {
    const limit = new AdaptiveLimit(1, 100);
    feed(limit, 200, 50, 'all');
    feed(limit, 10, 500, 'all');
    const slow = limit.limit;
    feed(limit, 300, 50, 'all');

    expect(slow).toBeLessThan(60);
    expect(greatest(limit, 50)).toBe(100);
  });

  it('takes a lasting latency for the usual one after a while', () => {
    const limit = new AdaptiveLimit(1, 100);
    feed(limit, 100, 50, 'all');
    feed(limit, 1_000, 120, 'all');

    expect(greatest(limit, 120)).toBe(100);
  });

  it('settles where a platform that works on so many at once and queues the rest is busy and no more', () => {
    const limit = new AdaptiveLimit(1, 200);
    // 30 places of 100 ms: whatever comes beyond waits.
    let most = 0;
    for (let n = 0; n < 100_000; n++, most = Math.max(most, limit.limit)) limit.sample(100 * Math.max(1, limit.limit / 30), limit.limit);

    expect(greatest(limit, 100)).toBeGreaterThanOrEqual(30);
    expect(most).toBeLessThan(90);
  });

  it('minds no jitter below a millisecond', () => {
    const limit = new AdaptiveLimit(1, 64);
    for (let n = 0; n < 5_000; n++) limit.sample(n % 3 === 0 ? 0.9 : 0.01, limit.limit);

    expect(greatest(limit, 0.1)).toBe(64);
  });

  it('gives more room at once when it is given more, and keeps to less at once', () => {
    const limit = new AdaptiveLimit(1, 10);
    limit.most = 40;
    expect(limit.limit).toBe(20);
    limit.most = 3;
    expect(limit.limit).toBe(3);
  });

  const latency = fc.double({ min: 0, max: 60_000, noNaN: true });
  const bounds = fc.tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 0, max: 500 })).map(([least, more]) => ({ least, most: least + more }));

  it('keeps within its bounds, in whole messages, whatever comes', () => {
    fc.assert(
      fc.property(bounds, fc.array(fc.tuple(latency, fc.integer({ min: 0, max: 600 })), { maxLength: 400 }), fc.integer({ min: 1, max: 600 }), ({ least, most }, samples, later) => {
        const limit = new AdaptiveLimit(least, most);
        const holds = (upper: number) => Number.isInteger(limit.limit) && limit.limit >= least && limit.limit <= Math.max(least, upper);
        const before = samples.every(([ms, inFlight]) => (limit.sample(ms, inFlight), holds(most)));
        limit.most = later;
        return before && samples.every(([ms, inFlight]) => (limit.sample(ms, inFlight), holds(later)));
      }),
    );
  });

  it('moves once in ten messages, and then by a tenth at most', () => {
    fc.assert(
      fc.property(bounds, fc.array(latency, { minLength: 10, maxLength: 1_000 }), ({ least, most }, samples) => {
        const limit = new AdaptiveLimit(least, most);
        return samples.every((ms, n) => {
          const before = limit.limit;
          const looked = limit.sample(ms, before);
          if (!looked) return (n + 1) % 10 !== 0 && limit.limit === before;
          return limit.limit >= Math.floor(before * 0.9) - 1 && limit.limit <= before + 2;
        });
      }),
    );
  });

  it('always grows again to its bound once latency is steady and it is made use of', () => {
    fc.assert(
      fc.property(bounds, fc.array(latency, { maxLength: 300 }), fc.double({ min: 1, max: 1_000, noNaN: true }), ({ least, most }, samples, steady) => {
        const limit = new AdaptiveLimit(least, most);
        for (const ms of samples) limit.sample(ms, limit.limit);
        feed(limit, 4_000, steady, 'all');
        return greatest(limit, steady) === most;
      }),
      { numRuns: 50 },
    );
  });
});
