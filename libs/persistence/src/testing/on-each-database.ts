import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { sql } from 'kysely';
import { openDatabase, type Database } from '../database';
import type { DatabaseKind, DatabaseOptions } from '../database-options';
import { findPostgres, startPostgres, type PostgresServer } from './postgres-server';

/** Fresh databases of one kind, and a way to take them away. */
export interface Bench {
  readonly kind: DatabaseKind;
  /** Where a new, empty database is. */
  place(): Promise<DatabaseOptions>;
  /** Opens one, migrated, that is closed after the test. */
  open(options?: Partial<DatabaseOptions>): Promise<Database>;
  /** Takes the database away from writers; the returned function brings it back. */
  takeAway(database: DatabaseOptions): Promise<() => Promise<void>>;
}

/** One server for all suites of a file, started when the first needs it; each test has a database of its own. */
let server: Promise<PostgresServer> | undefined;
let databases = 0;
const sharedServer = (): Promise<PostgresServer> => (server ??= startPostgres());
afterAll(async () => (await server)?.stop());

/** Runs one suite on SQLite and on a real PostgreSQL server. */
export const onEachDatabase = (name: string, suite: (bench: Bench) => void): void => {
  describe.each<DatabaseKind>(['sqlite', 'postgresql'])(`${name} (%s)`, (kind) => onBench(kind, name, suite));
};

/** Runs a suite that concerns one kind of database only. */
export const onDatabase = (kind: DatabaseKind, name: string, suite: (bench: Bench) => void): void => {
  describe(name, () => onBench(kind, name, suite));
};

/** Without a PostgreSQL server its half is skipped, and says so. */
const onBench = (kind: DatabaseKind, name: string, suite: (bench: Bench) => void): void => {
  if (kind === 'sqlite') return suite(new SqliteBench().withHooks());
  if (findPostgres()) return suite(new PostgresBench().withHooks());
  process.stderr.write(`\n!!! NOT TESTED ON POSTGRESQL: ${name}. There is no \`postgres\` here, neither from npm nor on the PATH. !!!\n\n`);
  test.skip('NOT TESTED: there is no PostgreSQL server here', () => undefined);
};

abstract class TemporaryBench implements Bench {
  abstract readonly kind: DatabaseKind;
  readonly #open: Database[] = [];
  protected home = '';

  withHooks(): this {
    beforeAll(() => {
      this.home = mkdtempSync(join(tmpdir(), 'conductor-persistence-'));
    });
    afterEach(async () => {
      await Promise.all(this.#open.splice(0).map((database) => database.close()));
    });
    afterAll(() => rmSync(this.home, { recursive: true, force: true }));
    return this;
  }

  async open(options: Partial<DatabaseOptions> = {}): Promise<Database> {
    const database = await openDatabase({ ...(await this.place()), ...options });
    this.#open.push(database);
    await database.migrate();
    return database;
  }

  abstract place(): Promise<DatabaseOptions>;
  abstract takeAway(database: DatabaseOptions): Promise<() => Promise<void>>;
}

class SqliteBench extends TemporaryBench {
  readonly kind = 'sqlite';

  async place(): Promise<DatabaseOptions> {
    return { home: mkdtempSync(join(this.home, 'home-')) };
  }

  /** Another process that holds the write lock. */
  async takeAway({ home }: DatabaseOptions): Promise<() => Promise<void>> {
    const other = new DatabaseSync(join(home, 'conductor.sqlite'), { timeout: 5000 });
    other.exec('begin immediate');
    return async () => other.close();
  }
}

class PostgresBench extends TemporaryBench {
  readonly kind = 'postgresql';

  async place(): Promise<DatabaseOptions> {
    const server = await sharedServer();
    const url = new URL(server.url);
    const database = `test_${(databases += 1)}`;
    await using admin = await openDatabase({ home: this.home, databaseUrl: server.url });
    await admin.run((em) => sql`create database ${sql.id(database)} strategy file_copy`.execute(admin.sql(em)));
    url.pathname = `/${database}`;
    return { home: this.home, databaseUrl: url.href };
  }

  async takeAway(): Promise<() => Promise<void>> {
    const server = await sharedServer();
    await server.kill();
    return () => server.restart();
  }
}
