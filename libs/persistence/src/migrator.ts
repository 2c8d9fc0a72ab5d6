import type { SqlEntityManager } from '@mikro-orm/sql';
import { sql, type Kysely } from 'kysely';
import { migrations } from './migrations';
import type { Migration } from './migrations/migration';

/** What is migrated: the `Database`, as far as it matters here. */
export interface MigrationTarget {
  readonly kind: 'sqlite' | 'postgresql';
  em(): SqlEntityManager;
  exclusively<T>(kind: 'migrations', work: (em: SqlEntityManager) => Promise<T>): Promise<T>;
}

const TABLE = 'conductor_migrations';
interface Bookkeeping {
  [TABLE]: { name: string; executed_at: number };
}

/**
 * MikroORM's own migrator is not used: it makes its table outside of any lock, so two processes that start at once get in
 * each other's way, and every process would load it for, nearly always, nothing to do. Here one transaction takes the
 * lock, looks, and runs what is left.
 */
export const migrate = async (database: MigrationTarget): Promise<string[]> => {
  if (pendingAfter(await appliedMigrations(database)).length === 0) return [];
  return database.exclusively('migrations', async (em) => {
    const schema = em.getKysely<Bookkeeping>();
    await schema.schema
      .createTable(TABLE)
      .ifNotExists()
      .addColumn('name', 'varchar(255)', (column) => column.primaryKey())
      .addColumn('executed_at', 'bigint', (column) => column.notNull())
      .execute();
    // Asked again under the lock: another process may have been faster.
    const pending = pendingAfter((await schema.selectFrom(TABLE).select('name').execute()).map((row) => row.name));
    for (const migration of pending) {
      await migration.up(schema as Kysely<unknown>);
      await schema.insertInto(TABLE).values({ name: migration.name, executed_at: Date.now() }).execute();
    }
    return pending.map((migration) => migration.name);
  });
};

/** Names of the migrations that have run, oldest first; none in an empty database. */
export const appliedMigrations = async (database: MigrationTarget): Promise<string[]> => {
  const bookkeeping = database.em().getKysely<Bookkeeping>();
  if (!(await hasTable(database))) return [];
  const rows = await bookkeeping.selectFrom(TABLE).select('name').orderBy('name').execute();
  return rows.map((row) => row.name);
};

const hasTable = async (database: MigrationTarget): Promise<boolean> => {
  const question =
    database.kind === 'sqlite'
      ? sql`select 1 from sqlite_master where type = 'table' and name = ${TABLE}`
      : sql`select 1 where to_regclass(${TABLE}) is not null`;
  return (await question.execute(database.em().getKysely())).rows.length > 0;
};

const pendingAfter = (applied: string[]): Migration[] => migrations.filter(({ name }) => !applied.includes(name));
