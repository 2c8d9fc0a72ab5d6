import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { SchemaGenerator } from '@mikro-orm/sql';
import { openDatabase } from './database';
import { DatabaseUnavailable } from './database-errors';
import { migrations } from './migrations';
import { eventually } from './testing/eventually';
import { onDatabase, onEachDatabase } from './testing/on-each-database';
import { CompiledLibrary } from './testing/run-in-process';

const soon = () => AbortSignal.timeout(5000);

onEachDatabase('The database', (bench) => {
  const library = new CompiledLibrary();
  afterAll(() => library.remove());

  it('makes all tables from nothing and has nothing to do the second time', async () => {
    await using database = await openDatabase(await bench.place());

    expect(await database.migrate()).toEqual(migrations.map(({ name }) => name));
    expect(await database.migrate()).toEqual([]);
  });

  it('has after its migrations exactly the tables, columns and indexes that the entities describe', async () => {
    const { orm } = await bench.open();
    SchemaGenerator.register(orm as never);

    const difference = await orm.schema.getUpdateSchemaSQL({ dropTables: false, wrap: false });

    expect(difference.trim()).toBe('');
  });

  it('is migrated once when four processes start at the same moment', async () => {
    const place = await bench.place();

    const results = await Promise.all([1, 2, 3, 4].map(() => library.run('testing/child.js', ['migrate', JSON.stringify(place)])));

    const ran = results.flatMap((printed) => JSON.parse(printed) as string[]);
    expect(ran).toEqual(migrations.map(({ name }) => name));
  });

  it('loses nothing and doubles nothing when four processes write at the same moment', async () => {
    const place = await bench.place();
    await using database = await openDatabase(place);
    await database.migrate();

    await Promise.all(['a', 'b', 'c', 'd'].map((name) => library.run('testing/child.js', ['write-200-checks', JSON.stringify(place), name])));

    const counts = await database.sql().selectFrom('integration_metrics').select('instance_id').execute();
    expect(counts).toHaveLength(800);
    expect(counts.filter((row) => row.instance_id === 'c')).toHaveLength(200);
  });

  it('is healthy once it is migrated, and says why it is not before', async () => {
    await using database = await openDatabase(await bench.place());

    expect(await database.health(soon())).toEqual({ ok: false, reason: expect.stringContaining('migrations have not run') });
    await database.migrate();
    expect(await database.isHealthy(soon())).toBe(true);
    expect(await database.isHealthy(AbortSignal.abort())).toBe(false);
  });

  it('refuses exclusive work with a retryable error while it is away, and takes it after', async () => {
    const place = await bench.place();
    await using database = await openDatabase({ ...place, lockWaitMs: 50 });
    await database.migrate();

    const bringBack = await bench.takeAway(place);
    // More often than there are connections: none of them may be lost.
    for (let attempt = 0; attempt < 6; attempt += 1) {
      const refused = database.exclusively('audit', async () => 'done');
      await expect(refused).rejects.toThrow(DatabaseUnavailable);
      await expect(refused).rejects.toMatchObject({ retryable: true, cause: expect.anything() });
    }
    await bringBack();

    await eventually(async () => expect(await database.exclusively('audit', async () => 'done')).toBe('done'));
  });

  it('does not call a mistake in a query an outage', async () => {
    const database = await bench.open();

    const mistaken = database.run((em) => em.execute('select x from nowhere'));

    await expect(mistaken).rejects.toThrow(/nowhere/);
    await expect(mistaken).rejects.not.toThrow(DatabaseUnavailable);
  });

  it('undoes everything when exclusive work fails', async () => {
    const database = await bench.open();
    const row = { id: 'x', at: 1, platform: 'stubs', from_state: 'ready', to_state: 'failed', reason: '' };

    const failing = database.exclusively('audit', async (em) => {
      await database.sql(em).insertInto('platform_transitions').values(row).execute();
      throw new Error('changed my mind');
    });

    await expect(failing).rejects.toThrow('changed my mind');
    expect(await database.sql().selectFrom('platform_transitions').selectAll().execute()).toEqual([]);
  });

  it('may be closed twice', async () => {
    const database = await openDatabase(await bench.place());
    await database.migrate();

    await database.close();
    await expect(database.close()).resolves.toBeUndefined();
  });
});

onDatabase('postgresql', 'A server that is away at start', (bench) => {
  it('is opened all the same and can be used when it is back', async () => {
    const place = await bench.place();
    const bringBack = await bench.takeAway(place);
    await using database = await openDatabase(place);

    await expect(database.migrate()).rejects.toThrow(DatabaseUnavailable);
    expect(await database.health(soon())).toMatchObject({ ok: false });
    await bringBack();

    await eventually(() => database.migrate());
    expect(await database.isHealthy(soon())).toBe(true);
  });
});

describe('The options of the database', () => {
  it('name an address that is no PostgreSQL address without repeating its password', async () => {
    const opening = openDatabase({ home: '.', databaseUrl: 'mysql://root:hunter2@db/conductor' });

    await expect(opening).rejects.toThrow('postgres://');
    await expect(opening).rejects.not.toThrow('hunter2');
  });
});

onDatabase('sqlite', 'The SQLite file', (bench) => {
  it('is made in a home that does not exist yet, for nobody else to read', async () => {
    const home = join((await bench.place()).home, 'not', 'yet');
    await using database = await openDatabase({ home });
    await database.migrate();

    const file = join(home, 'conductor.sqlite');
    expect(existsSync(file)).toBe(true);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('lets the event loop run while it waits for another process', async () => {
    const place = await bench.place();
    await using database = await openDatabase(place);
    await database.migrate();
    const bringBack = await bench.takeAway(place);
    let ticks = 0;
    const ticking = setInterval(() => (ticks += 1), 5);

    const waiting = database.exclusively('audit', async () => ticks);
    await eventually(() => expect(ticks).toBeGreaterThan(20));
    await bringBack();

    expect(await waiting).toBeGreaterThan(20);
    clearInterval(ticking);
  });
});
