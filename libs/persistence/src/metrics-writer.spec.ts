import { MetricsHistory } from './metrics-history';
import { MetricsWriter } from './metrics-writer';
import { openDatabase } from './database';
import { check } from './testing/check';
import { eventually } from './testing/eventually';
import { onEachDatabase } from './testing/on-each-database';

const quick = { flushEveryMs: 20, firstBackoffMs: 10, maxBackoffMs: 50 };

onEachDatabase('The metrics writer', (bench) => {
  it('stores a check as it was given', async () => {
    const database = await bench.open();
    const writer = new MetricsWriter(database, quick);
    const row = check({ responseTimeMs: 187, errorCount: 3, requestCount: 2 ** 31 - 1, resourceUsageMb: 123.456, state: 'degraded' });
    writer.add(row);

    await eventually(() => expect(writer.stats()).toEqual({ buffered: 0, written: 1, dropped: 0 }));
    expect(await new MetricsHistory(database).latest()).toEqual([row]);
  });

  it('stores what can be stored of a check with odd values', async () => {
    const database = await bench.open();
    const writer = new MetricsWriter(database, quick);
    writer.add(check({ instanceId: "o'dd\0\\ \ud83d\ude80 ? :x $1", responseTimeMs: Number.NaN, errorCount: 1e12, requestCount: Number.POSITIVE_INFINITY, resourceUsageMb: Number.NaN }));
    await writer.flush();

    const [row] = await new MetricsHistory(database).latest();
    expect(row).toMatchObject({ instanceId: "o'dd\\ \ud83d\ude80 ? :x $1", responseTimeMs: null, errorCount: 2 ** 31 - 1, requestCount: 0, resourceUsageMb: null });
  });

  it('writes thousands of checks without leaving one out', async () => {
    const database = await bench.open();
    const writer = new MetricsWriter(database, quick);
    for (let timestamp = 0; timestamp < 3210; timestamp += 1) writer.add(check({ timestamp }));

    expect(await writer.flush(AbortSignal.timeout(20_000))).toBe(0);
    const stored = await database.sql().selectFrom('integration_metrics').select('timestamp').distinct().execute();
    expect(stored).toHaveLength(3210);
  });

  it('outlives the loss of the database, keeps the newest checks and counts the others', async () => {
    const place = await bench.place();
    await using database = await openDatabase({ ...place, lockWaitMs: 20, connectTimeoutMs: 500 });
    await database.migrate();
    const writer = new MetricsWriter(database, { ...quick, maxBuffered: 50 });
    writer.add(check({ timestamp: 0 }));
    expect(await writer.flush()).toBe(0);

    const bringBack = await bench.takeAway(place);
    for (let timestamp = 1; timestamp <= 80; timestamp += 1) writer.add(check({ timestamp }));
    await eventually(() => expect(writer.stats()).toMatchObject({ buffered: 50, written: 1, dropped: 30, lastError: { message: expect.any(String) } }));
    await bringBack();

    await eventually(() => expect(writer.stats()).toEqual({ buffered: 0, written: 51, dropped: 30 }));
    const { points } = await new MetricsHistory(database).history({ platform: 'stubs', from: 0, to: 1000, resolution: 'raw' });
    expect(points.map((point) => ('timestamp' in point ? point.timestamp : undefined))).toEqual([0, ...Array.from({ length: 50 }, (_, index) => index + 31)]);
  });
});
