import type { HistoryKind, HistoryRow, HistoryRowOf } from '@conductor/contracts';
import { openDatabase, type Database } from './database';
import { DatabaseUnavailable } from './database-errors';
import { HistoryWriter } from './history-writer';
import { check, identified } from './testing/check';
import { eventually } from './testing/eventually';
import { onEachDatabase } from './testing/on-each-database';

const decision = { at: 1, kind: 'shed', platforms: ['voice'], trigger: 'observed', rule: 'r', reason: 'why', inputs: {}, action: { type: 'suspend' }, expected: {}, reconsiderAt: 2, token: 1, by: 'scaler-1' } as const;
const rowsOf = <K extends HistoryKind>(kind: K, rows: Array<HistoryRowOf<K>>): HistoryRow[] => identified(rows).map((row) => ({ kind, ...row }) as unknown as HistoryRow);

/** One of each kind and a second check. */
const everything = (): HistoryRow[] => [
  ...rowsOf('metric', [check({ timestamp: 1 }), check({ timestamp: 2 })]),
  ...rowsOf('platform-transition', [{ at: 1, platform: 'stubs', from: 'ready', to: 'failed', reason: 'the machine shook' }]),
  ...rowsOf('breaker-transition', [{ at: 1, platform: 'stubs', operation: 'message', router: 'router-1', from: 'closed', to: 'open', reason: '' }]),
  ...rowsOf('startup-step', [{ at: 1, boot: 'b1', phase: 'database', result: 'ok', ms: 12 }]),
  ...rowsOf('scaling-decision', [{ ...decision, id: 'd-1', platforms: ['voice'] }]),
  ...rowsOf('scaling-rollup', [{ bucketMs: 300_000, series: 'memory:total', at: 0, writer: 'a', samples: 60, mean: 100, max: 120 }]),
];
const TABLES = ['integration_metrics', 'platform_transitions', 'breaker_transitions', 'startup_steps', 'scaling_decisions', 'scaling_rollups'] as const;
const countsIn = (database: Database) => Promise.all(TABLES.map(async (table) => (await database.sql().selectFrom(table).selectAll().execute()).length));

onEachDatabase('The writer of history', (bench) => {
  it('makes the tables, puts every row into its own, and takes what comes again for one', async () => {
    await using database = await openDatabase(await bench.place());
    const rows = everything();
    await new HistoryWriter(database).write(rows);
    await new HistoryWriter(database).write(rows);

    expect(await countsIn(database)).toEqual([2, 1, 1, 1, 1, 1]);
  });

  it('refuses rows while the database is away, and stores each once when they come again', async () => {
    const place = await bench.place();
    await using database = await openDatabase({ ...place, lockWaitMs: 20, connectTimeoutMs: 500 });
    const writer = new HistoryWriter(database);
    const [first, ...rest] = everything();
    await writer.write([first!]);

    const bringBack = await bench.takeAway(place);
    await expect(writer.write([first!, ...rest])).rejects.toThrow(DatabaseUnavailable);
    await bringBack();

    await eventually(() => writer.write([first!, ...rest]));
    expect(await countsIn(database)).toEqual([2, 1, 1, 1, 1, 1]);
  });

  it('makes the tables later when the database was away at the first row', async () => {
    const place = await bench.place();
    await using database = await openDatabase({ ...place, lockWaitMs: 20, connectTimeoutMs: 500 });
    const writer = new HistoryWriter(database);
    const bringBack = await bench.takeAway(place);
    await expect(writer.write(everything())).rejects.toThrow(DatabaseUnavailable);
    await bringBack();

    await eventually(() => writer.write(everything()));
  });

  it('lets no refused row hold back the others', async () => {
    const database = await bench.open();
    // A database refuses what breaks a rule of its table.
    await database.sql().schema.createIndex('one_step_a_phase').unique().on('startup_steps').columns(['boot', 'phase']).execute();
    const refused: string[] = [];
    const steps = rowsOf('startup-step', ['configuration', 'database', 'database', 'open'].map((phase) => ({ at: 1, boot: 'b1', phase, result: 'ok', ms: 1 })));
    await new HistoryWriter(database, (row) => refused.push(row.id)).write([...steps, ...rowsOf('metric', [check()])]);

    expect((await countsIn(database))[3]).toBe(3);
    expect((await countsIn(database))[0]).toBe(1);
    expect(refused).toEqual([steps[2]!.id]);
  });
});
