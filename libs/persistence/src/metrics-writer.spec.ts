import { MetricsHistory } from './metrics-history';
import { MetricsWriter } from './metrics-writer';
import { check, identified } from './testing/check';
import { onEachDatabase } from './testing/on-each-database';

onEachDatabase('The metrics writer', (bench) => {
  it('stores a check as it was given, and once when it comes again', async () => {
    const database = await bench.open();
    const row = check({ responseTimeMs: 187, errorCount: 3, requestCount: 2 ** 31 - 1, resourceUsageMb: 123.456, state: 'degraded' });
    const rows = identified([row]);
    await new MetricsWriter(database).write(rows);
    await new MetricsWriter(database).write(rows);

    const { points } = await new MetricsHistory(database).history({ platform: row.platformName, from: row.timestamp, to: row.timestamp + 1, resolution: 'raw' });
    expect(points).toEqual([row]);
  });

  it('stores what can be stored of a check with odd values', async () => {
    const database = await bench.open();
    const odd = check({ instanceId: "o'dd\0\\ \ud83d\ude80 ? :x $1", responseTimeMs: Number.NaN, errorCount: 1e12, requestCount: Number.POSITIVE_INFINITY, resourceUsageMb: Number.NaN });
    await new MetricsWriter(database).write(identified([odd]));

    const [row] = await new MetricsHistory(database).latest();
    expect(row).toMatchObject({ instanceId: "o'dd\\ \ud83d\ude80 ? :x $1", responseTimeMs: null, errorCount: 2 ** 31 - 1, requestCount: 0, resourceUsageMb: null });
  });

  it('writes thousands of checks without leaving one out', async () => {
    const database = await bench.open();
    await new MetricsWriter(database).write(identified(Array.from({ length: 3210 }, (_, timestamp) => check({ timestamp }))));

    const stored = await database.sql().selectFrom('integration_metrics').select('timestamp').distinct().execute();
    expect(stored).toHaveLength(3210);
  });
});
