import type { ScalingRollupRow } from '@conductor/contracts';
import { Rollups } from './rollups';
import { Window } from './window';

describe('the window', () => {
  it('holds the latest half hour, one figure a period, and leaves gaps out', () => {
    const window = new Window(20_000, 5_000);
    for (const [at, value] of [[5_000, 1], [6_000, 2], [15_000, 3], [16_000, NaN]] as const) window.put('memory:total', at, value);
    expect(window.read('memory:total')).toEqual([{ at: 5_000, value: 2 }, { at: 15_000, value: 3 }]);

    window.put('memory:total', 30_000, 4);
    expect(window.read('memory:total')).toEqual([{ at: 15_000, value: 3 }, { at: 30_000, value: 4 }]);
    window.put('memory:total', 1_000_000, 5);
    expect(window.read('memory:total')).toEqual([{ at: 1_000_000, value: 5 }]);
  });

  it('begins anew when the clock was set back, and forgets what is silent', () => {
    const window = new Window(20_000, 5_000);
    window.put('a', 50_000, 1);
    window.put('a', 10_000, 2);
    expect(window.read('a')).toEqual([{ at: 10_000, value: 2 }]);

    window.put('b', 100_000, 1);
    window.forgetSilent(100_000);
    expect(window.names()).toEqual(['b']);
  });
});

describe('roll-ups', () => {
  it('are handed over when their stretch has ended, or at the end', () => {
    const rows: ScalingRollupRow[] = [];
    const rollups = new Rollups('me', (row) => rows.push(row), [60_000]);
    for (const [at, value] of [[0, 1], [30_000, 3], [61_000, 10], [62_000, NaN]] as const) rollups.add('rate:voice', at, value);
    expect(rows).toEqual([{ bucketMs: 60_000, series: 'rate:voice', at: 0, writer: 'me', samples: 2, mean: 2, max: 3 }]);

    rollups.flush();
    expect(rows[1]).toMatchObject({ at: 60_000, samples: 1, mean: 10 });
  });
});
