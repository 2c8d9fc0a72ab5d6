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
    for (const each of [first, second, third]) log.record(each);
    expect(await log.flush()).toBe(0);

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
    log.record(decision('d-1', 1_000));
    log.record(decision('d-1', 1_000, { measured }));
    log.record(decision('d-1', 1_000));
    await log.flush();

    expect(await log.one('d-1')).toEqual(decision('d-1', 1_000, { measured }));
  });

  it('forgets what is too old', async () => {
    const log = new ScalingLog(await bench.open());
    for (let n = 0; n < 5; n++) log.record(decision(`d-${n}`, n * 1_000));
    await log.flush();

    expect(await log.prune(3_000)).toBe(3);
    expect((await log.list()).items).toHaveLength(2);
  });
});

onEachDatabase('The history of what the scaler saw', (bench) => {
  const row = { bucketMs: 300_000, series: 'memory:total', at: 600_000, writer: 'a', samples: 60, mean: 100, max: 120 };

  it('joins what two scalers saw of the same stretch, and takes a row twice for one', async () => {
    const history = new ScalingHistory(await bench.open());
    history.add(row);
    history.add(row);
    history.add({ ...row, writer: 'b', samples: 20, mean: 200, max: 210 });
    history.add({ ...row, at: 900_000, mean: 50 });
    history.add({ ...row, bucketMs: 3_600_000, at: 0 });
    await history.flush();

    expect(await history.since(300_000, 600_000)).toEqual(new Map([['memory:total', [{ at: 600_000, mean: 125, max: 210 }, { at: 900_000, mean: 50, max: 120 }]]]));
  });

  it('forgets stretches of one length that are too old', async () => {
    const history = new ScalingHistory(await bench.open());
    for (let n = 0; n < 4; n++) history.add({ ...row, at: n * 300_000 });
    history.add({ ...row, bucketMs: 3_600_000, at: 0 });
    await history.flush();

    expect(await history.prune(300_000, 600_000)).toBe(2);
    expect((await history.since(300_000, 0)).get('memory:total')).toHaveLength(2);
    expect((await history.since(3_600_000, 0)).get('memory:total')).toHaveLength(1);
  });
});
