import type { ScalingDecision } from '@conductor/contracts';
import { ScalingHistory } from './scaling-history';
import { ScalingLog } from './scaling-log';
import { onEachDatabase } from './testing/on-each-database';

const decision = (id: string, at: number, more: Partial<ScalingDecision> = {}): ScalingDecision => ({
  id,
  at,
  kind: 'shed',
  platforms: ['voice'],
  trigger: 'forecast',
  rule: 'shed at 80 %',
  reason: 'voice is shed because RAM was forecast at 86 %',
  inputs: { budgetMb: 12_000, usedMb: 9_000 },
  forecast: { series: 'memory:total', lookAheadMs: 300_000, value: 10_320, lower: 9_500, upper: 11_000, model: 'damped-holt', error: 0.03 },
  action: { type: 'suspend' },
  expected: { freedMb: 1_140 },
  reconsiderAt: at + 300_000,
  token: 3,
  by: 'scaler-1',
  ...more,
});

onEachDatabase('The log of scaling decisions', (bench) => {
  it('gives back decisions as they were, newest first, by platform and kind, page by page', async () => {
    const log = new ScalingLog(await bench.open());
    const first = decision('d-1', 1_000);
    const second = decision('d-2', 2_000, { kind: 'emergency', platforms: ['android', 'voice-2'] });
    const third = decision('d-3', 2_000, { platforms: [], kind: 'no-change', action: { type: 'none' } });
    await log.write([first, second, third]);

    expect((await log.list()).items).toEqual([third, second, first]);
    expect((await log.list({ platform: 'voice' })).items).toEqual([first]);
    expect((await log.list({ kind: 'emergency' })).items).toEqual([second]);
    expect((await log.list({ from: 1_500, to: 2_000 })).items).toEqual([]);
    const page = await log.list({ limit: 2 });
    expect(page).toMatchObject({ items: [third, second], next: expect.any(String) });
    expect(await log.list({ limit: 2, cursor: page.next })).toEqual({ items: [first] });
    await expect(log.list({ cursor: 'x' })).rejects.toThrow(RangeError);
  });

  it('adds the measured effect to a decision that is there already, and keeps it when the decision comes once more', async () => {
    const log = new ScalingLog(await bench.open());
    const measured = { at: 9_000, beforeMb: 9_000, afterMb: 7_900, freedMb: 1_100, settled: true };
    await log.write([decision('d-1', 1_000), decision('d-1', 1_000, { measured }), decision('d-1', 1_000)]);

    expect(await log.one('d-1')).toEqual(decision('d-1', 1_000, { measured }));
  });

  it('forgets what is too old', async () => {
    const log = new ScalingLog(await bench.open());
    await log.write([0, 1, 2, 3, 4].map((n) => decision(`d-${n}`, n * 1_000)));

    expect(await log.prune(3_000)).toBe(3);
    expect((await log.list()).items).toHaveLength(2);
  });
});

onEachDatabase('The history of what the scaler saw', (bench) => {
  const row = { bucketMs: 300_000, series: 'memory:total', at: 600_000, writer: 'a', samples: 60, mean: 100, max: 120 };

  it('joins what two scalers saw of the same stretch, and takes a row twice for one', async () => {
    const history = new ScalingHistory(await bench.open());
    await history.write([row]);
    await history.write([row, { ...row, writer: 'b', samples: 20, mean: 200, max: 210 }, { ...row, at: 900_000, mean: 50 }, { ...row, bucketMs: 3_600_000, at: 0 }]);

    expect(await history.since(300_000, 600_000)).toEqual(new Map([['memory:total', [{ at: 600_000, mean: 125, max: 210 }, { at: 900_000, mean: 50, max: 120 }]]]));
  });

  it('joins stretches to longer ones where that is enough, oldest first', async () => {
    const history = new ScalingHistory(await bench.open());
    await history.write([{ ...row, at: 900_000 }, row, { ...row, at: 300_000, samples: 20, mean: 20, max: 400 }, { ...row, series: 'rate:total', at: 0, mean: 7, max: 9 }]);

    expect(await history.since(300_000, 0, 900_000)).toEqual(new Map([
      ['memory:total', [{ at: 0, mean: 80, max: 400 }, { at: 900_000, mean: 100, max: 120 }]],
      ['rate:total', [{ at: 0, mean: 7, max: 9 }]],
    ]));
  });

  it('forgets stretches of one length that are too old', async () => {
    const history = new ScalingHistory(await bench.open());
    await history.write([...[0, 1, 2, 3].map((n) => ({ ...row, at: n * 300_000 })), { ...row, bucketMs: 3_600_000, at: 0 }]);

    expect(await history.prune(300_000, 600_000)).toBe(2);
    expect((await history.since(300_000, 0)).get('memory:total')).toHaveLength(2);
    expect((await history.since(3_600_000, 0)).get('memory:total')).toHaveLength(1);
  });
});
