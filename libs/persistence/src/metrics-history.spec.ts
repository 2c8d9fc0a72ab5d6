import type { MetricRow } from '@conductor/contracts';
import type { Database } from './database';
import { MetricsHistory } from './metrics-history';
import { MetricsRetention } from './metrics-retention';
import { MetricsWriter } from './metrics-writer';
import { check, identified } from './testing/check';
import { onEachDatabase } from './testing/on-each-database';

const HOUR = 3_600_000;
const NOW = Date.now();
const THIS_HOUR = Math.floor(NOW / HOUR) * HOUR;

const store = (database: Database, rows: Partial<MetricRow>[]): Promise<void> => new MetricsWriter(database).write(identified(rows.map(check)));

onEachDatabase('The history', (bench) => {
  it('gives the single checks of one platform and range, in the order of time', async () => {
    const database = await bench.open();
    await store(database, [{ timestamp: 300 }, { timestamp: 100 }, { timestamp: 200, platformName: 'android' }, { timestamp: 400 }, { timestamp: 99 }]);

    const history = await new MetricsHistory(database).history({ platform: 'stubs', from: 100, to: 400, resolution: 'raw' });

    expect(history).toEqual({ resolution: 'raw', points: [check({ timestamp: 100 }), check({ timestamp: 300 })], truncated: false });
  });

  it('gives the newest points of a range that has more than the limit, and says so', async () => {
    const database = await bench.open();
    await store(database, [1, 2, 3, 4, 5].map((timestamp) => ({ timestamp })));

    const history = await new MetricsHistory(database).history({ platform: 'stubs', from: 0, to: 9, resolution: 'raw', limit: 2 });

    expect(history).toMatchObject({ points: [{ timestamp: 4 }, { timestamp: 5 }], truncated: true });
  });

  it('shows hours that are not rolled up yet, the running one included, beside those that are', async () => {
    const database = await bench.open();
    await store(database, [3, 2, 1, 0].map((ago) => ({ timestamp: THIS_HOUR - ago * HOUR, requestCount: ago })));
    await new MetricsRetention(database).rollUp(THIS_HOUR - HOUR);

    const history = await new MetricsHistory(database).history({ platform: 'stubs', from: THIS_HOUR - 3 * HOUR, to: NOW + HOUR, resolution: 'hour' });

    expect(history).toMatchObject({ resolution: 'hour', truncated: false });
    expect(history.points).toMatchObject([3, 2, 1, 0].map((ago) => ({ hour: THIS_HOUR - ago * HOUR, checks: 1, requestCount: ago })));
  });

  it.each([
    ['single checks for the last hours', 5 * HOUR, 0, 'raw'],
    ['hours for a week', 7 * 24 * HOUR, 0, 'hour'],
    ['hours for a short time that lies so far back that its checks are gone', 9 * 24 * HOUR, 9 * 24 * HOUR - HOUR, 'hour'],
  ])('chooses %s', async (_, fromAgo, toAgo, resolution) => {
    const history = new MetricsHistory(await bench.open());

    expect(await history.history({ platform: 'stubs', from: NOW - fromAgo, to: NOW - toAgo })).toMatchObject({ resolution, points: [] });
  });

  it('knows the last check of each instance', async () => {
    const database = await bench.open();
    await store(database, [
      { timestamp: NOW - 10, instanceId: 'stubs-1', state: 'healthy' },
      { timestamp: NOW - 5, instanceId: 'stubs-1', state: 'degraded' },
      { timestamp: NOW - 20, instanceId: 'stubs-2' },
      { timestamp: NOW - 30, platformName: 'android', instanceId: 'android-1' },
      { timestamp: NOW - 61_000, platformName: 'android', instanceId: 'gone' },
    ]);

    expect(await new MetricsHistory(database).latest({ now: NOW })).toMatchObject([
      { platformName: 'android', instanceId: 'android-1' },
      { platformName: 'stubs', instanceId: 'stubs-1', state: 'degraded' },
      { platformName: 'stubs', instanceId: 'stubs-2' },
    ]);
  });
});
