import type { MetricRow } from '@conductor/contracts';
import type { Database } from './database';
import { MetricsHistory, type HourPoint } from './metrics-history';
import { MetricsRetention } from './metrics-retention';
import { MetricsWriter } from './metrics-writer';
import { check, identified } from './testing/check';
import { onEachDatabase } from './testing/on-each-database';
import { CompiledLibrary } from './testing/run-in-process';
import { TransitionLog } from './transition-log';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Some midnight. */
const START = Date.UTC(2026, 5, 1);

const store = (database: Database, rows: Partial<MetricRow>[]): Promise<void> => new MetricsWriter(database).write(identified(rows.map(check)));

const hours = async (database: Database, platform = 'stubs'): Promise<HourPoint[]> => {
  const history = await new MetricsHistory(database).history({ platform, from: 0, to: START + 365 * DAY, resolution: 'hour' });
  return history.resolution === 'hour' ? history.points : [];
};

const stored = async (database: Database): Promise<number> =>
  (await database.sql().selectFrom('integration_metrics_hourly').select('hour').execute()).length;

const checksLeft = async (database: Database): Promise<number> =>
  (await database.sql().selectFrom('integration_metrics').select('id').execute()).length;

onEachDatabase('The roll-up', (bench) => {
  const library = new CompiledLibrary();
  afterAll(() => library.remove());

  it('says of an hour what one computes by hand', async () => {
    const database = await bench.open();
    // 21 answered checks of 10, 20, … 210 ms: the 20th of them (95 % of 21, rounded up) took 200 ms, the average is 110 ms.
    const answered = Array.from({ length: 21 }, (_, n) => ({
      timestamp: START + n * 60_000,
      responseTimeMs: (n + 1) * 10,
      state: (n + 1) * 10 > 200 ? 'degraded' : 'healthy',
      errorCount: n % 2,
      requestCount: 3,
      resourceUsageMb: n < 10 ? 100 : 200,
    }));
    // Two without an answer, and nobody knows their memory.
    const silent = [1, 2].map((n) => ({ timestamp: START + HOUR - n, state: 'silent', responseTimeMs: null, errorCount: 1, requestCount: 0, resourceUsageMb: null }));
    const others = [{ timestamp: START, platformName: 'android', responseTimeMs: 9999 }, { timestamp: START + HOUR, responseTimeMs: 8888 }];
    await store(database, [...answered, ...silent, ...others]);

    expect(await new MetricsRetention(database).rollUp(START + HOUR)).toBe(2);

    const [first] = await hours(database);
    expect(first).toEqual({
      hour: START,
      checks: 23,
      unhealthyChecks: 3,
      responseTimeMs: { avg: 110, max: 210, p95: 200 },
      errorCount: 12,
      requestCount: 63,
      resourceUsageMb: { avg: expect.closeTo((10 * 100 + 11 * 200) / 21, 6), max: 200 },
    });
  });

  it.each([[1, 10], [2, 20], [19, 190], [20, 190], [40, 380]])('takes of %i checks the right one as the 95th percentile', async (count, p95) => {
    const database = await bench.open();
    // Stored in no particular order.
    const shuffled = Array.from({ length: count }, (_, n) => ({ timestamp: START + n, responseTimeMs: (((n * 7) % count) + 1) * 10 }));
    await store(database, count % 7 === 0 ? [] : shuffled);

    await new MetricsRetention(database).rollUp(START + HOUR);

    expect((await hours(database))[0]?.responseTimeMs.p95).toBe(p95);
  });

  it('has no response time for an hour in which nothing answered', async () => {
    const database = await bench.open();
    await store(database, [{ timestamp: START, state: 'silent', responseTimeMs: null, resourceUsageMb: null }]);
    await new MetricsRetention(database).rollUp(START + HOUR);

    expect(await hours(database)).toMatchObject([{ checks: 1, responseTimeMs: { avg: null, max: null, p95: null }, resourceUsageMb: { avg: null, max: null } }]);
  });

  it('leaves the running hour alone', async () => {
    const database = await bench.open();
    await store(database, [{ timestamp: START }, { timestamp: START + HOUR }]);

    expect(await new MetricsRetention(database).rollUp(START + HOUR + 1)).toBe(1);
    expect(await stored(database)).toBe(1);
  });

  it('has nothing to do the second time', async () => {
    const database = await bench.open();
    await store(database, [{ timestamp: START }, { timestamp: START + 5 * HOUR }]);
    const retention = new MetricsRetention(database);
    expect(await retention.rollUp(START + DAY)).toBe(2);
    const before = await hours(database);

    expect(await retention.rollUp(START + DAY)).toBe(0);
    expect(await hours(database)).toEqual(before);
  });

  it('counts checks that were written late', async () => {
    const database = await bench.open();
    const retention = new MetricsRetention(database);
    await store(database, [{ timestamp: START, responseTimeMs: 10 }, { timestamp: START + 30 * HOUR }]);
    await retention.rollUp(START + 2 * DAY);

    await store(database, [{ timestamp: START + 1, responseTimeMs: 30 }]);
    expect(await retention.rollUp(START + 2 * DAY)).toBe(1);

    expect((await hours(database))[0]).toMatchObject({ hour: START, checks: 2, responseTimeMs: { avg: 20 } });
  });

  it('is right when two processes do it at the same moment', async () => {
    const place = await bench.place();
    const database = await bench.open(place);
    await store(database, Array.from({ length: 480 }, (_, n) => ({ timestamp: START + n * 10 * 60_000, platformName: ['stubs', 'android'][n % 2] as string })));

    const now = String(START + 10 * DAY);
    const written = await Promise.all([1, 2].map(() => library.run('testing/child.js', ['roll-up', JSON.stringify(place), now])));

    expect(written.map(Number).reduce((sum, count) => sum + count)).toBe(160);
    expect((await hours(database)).every(({ checks }) => checks === 3)).toBe(true);
  });
});

onEachDatabase('The retention', (bench) => {
  it('removes checks after 7 days and roll-ups after 90, and keeps what is younger', async () => {
    const database = await bench.open();
    const now = START + 100 * DAY + 30 * 60_000;
    await store(database, [5, 20, 95, 99.5].map((day) => ({ timestamp: START + day * DAY })));
    const retention = new MetricsRetention(database);
    await retention.rollUp(now);

    expect(await retention.prune(now)).toEqual({ raw: 2, hourly: 1, transitions: 0 });
    expect(await checksLeft(database)).toBe(2);
    expect((await hours(database)).map(({ hour }) => hour)).toEqual([20, 95, 99.5].map((day) => START + day * DAY));
  });

  it('never removes a check that is not rolled up', async () => {
    const database = await bench.open();
    await store(database, [{ timestamp: START }]);
    const retention = new MetricsRetention(database);

    expect(await retention.prune(START + 30 * DAY)).toMatchObject({ raw: 0 });
    await retention.rollUp(START + 30 * DAY);
    expect(await retention.prune(START + 30 * DAY)).toMatchObject({ raw: 1 });
    expect(await hours(database)).toMatchObject([{ hour: START, checks: 1 }]);
  });

  it('keeps the roll-up of an hour of which a part is gone', async () => {
    const database = await bench.open();
    await store(database, [{ timestamp: START }, { timestamp: START + 1 }]);
    const retention = new MetricsRetention(database);
    await retention.rollUp(START + DAY);
    await database.sql().deleteFrom('integration_metrics').where('timestamp', '=', START).execute();

    expect(await retention.rollUp(START + DAY)).toBe(0);
    expect(await hours(database)).toMatchObject([{ checks: 2 }]);
  });

  it('removes more rows than one step takes, and old transitions too, by the ages it is given', async () => {
    const database = await bench.open();
    await store(database, Array.from({ length: 2500 }, (_, n) => ({ timestamp: START + n })));
    const log = new TransitionLog(database);
    const failures = [START, START + 2 * HOUR].map((at) => ({ at, platform: 'stubs', from: 'ready', to: 'failed', reason: '' }));
    await log.write(identified(failures).map((failure) => ({ kind: 'platform-transition', ...failure })));
    const retention = new MetricsRetention(database, { keepRawMs: HOUR, keepHourlyMs: HOUR, keepTransitionsMs: 2 * HOUR });
    await retention.rollUp(START + 3 * HOUR);

    expect(await retention.prune(START + 3 * HOUR)).toEqual({ raw: 2500, hourly: 1, transitions: 1 });
    expect(await checksLeft(database)).toBe(0);
  });
});
