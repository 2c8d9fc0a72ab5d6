import { MikroORM, type AbstractSqlDriver, type SqlEntityManager } from '@mikro-orm/sql';
import { sql, type Kysely } from 'kysely';
import { DatabaseUnavailable, isUnavailable, messageOf } from './database-errors';
import { kindOf, ormOptions, type DatabaseKind, type DatabaseOptions } from './database-options';
import type { Tables } from './entities';
import { appliedMigrations, migrate } from './migrator';
import { unlessAborted } from './unless-aborted';

export type Orm = MikroORM<AbstractSqlDriver, SqlEntityManager>;

/** Work of which only one process may do one kind at a time. The numbers are keys of PostgreSQL's advisory locks. */
export const ExclusiveWork = { migrations: 1, audit: 2 } as const;
export type ExclusiveWork = keyof typeof ExclusiveWork;

/** Keeps our advisory locks apart from those of others in the same database. */
const LOCK_SPACE = 0x434f4e44;

/** The health of the database: usable (with the time of one small query), or not and why. */
export type DatabaseHealth = { ok: true; ms: number } | { ok: false; reason: string };

/**
 * The one database of this process. Opening it touches neither file nor server: the first use connects, and each later
 * use connects again when the connection was lost, so a database that is away at start is no reason to stop.
 */
export class Database {
  #closing?: Promise<void>;

  constructor(
    readonly kind: DatabaseKind,
    readonly orm: Orm,
  ) {}

  /**
   * A fresh entity manager with an identity map of its own. For transactions use `exclusively`, not `em.transactional`.
   * Throws `DatabaseUnavailable` after `close`.
   */
  em(): SqlEntityManager {
    // MikroORM would connect again, and nobody would ever close that connection.
    if (this.#closing) throw DatabaseUnavailable.because('it was closed');
    return this.orm.em.fork();
  }

  /** The query builder over the same connection, typed by the entities. Columns are in snake_case. */
  sql(em: SqlEntityManager = this.em()): Kysely<Tables> {
    return em.getKysely<Tables>();
  }

  /** Runs `work` and says so in terms of ours when the database is away: throws `DatabaseUnavailable`, cause kept. */
  async run<T>(work: (em: SqlEntityManager) => Promise<T>): Promise<T> {
    try {
      return await work(this.em());
    } catch (error) {
      throw isUnavailable(error) ? DatabaseUnavailable.because(error) : error;
    }
  }

  /**
   * Runs `work` in one transaction in which nobody else does the same kind of exclusive work, in no process.
   * SQLite has one write lock for all kinds, and one connection: within `work` ask only the `em` it is given, another one
   * would wait for ever. Throws `DatabaseUnavailable` when the database is away.
   */
  async exclusively<T>(kind: ExclusiveWork, work: (em: SqlEntityManager) => Promise<T>): Promise<T> {
    return this.run((em) =>
      this.#transaction(em, async () => {
        if (this.kind === 'postgresql') {
          // The lock ends with the transaction, however that ends.
          await sql`select pg_advisory_xact_lock(${LOCK_SPACE}::int, ${ExclusiveWork[kind]}::int)`.execute(this.sql(em));
        }
        return work(em);
      }),
    );
  }

  /**
   * Not `em.transactional`: it goes through Kysely's `startTransaction`, which keeps the connection for ever when BEGIN
   * fails (https://github.com/kysely-org/kysely/issues/1990). With SQLite's single connection one busy moment would be
   * the end of all queries.
   */
  async #transaction<T>(em: SqlEntityManager, work: () => Promise<T>): Promise<T> {
    let failure: { error: unknown } | undefined;
    // What MikroORM does at the first query would wait for the connection that the transaction holds.
    await em.getConnection().ensureConnection();
    try {
      return await this.sql(em).transaction().execute(async (transaction) => {
        em.setTransactionContext(transaction);
        return work().catch((error: unknown) => {
          failure = { error };
          throw error;
        });
      });
    } catch (error) {
      // On a lost connection ROLLBACK fails too; what counts is what failed first.
      throw failure ? failure.error : error;
    } finally {
      em.resetTransactionContext();
    }
  }

  /**
   * Brings the tables up to date and returns the names of the migrations it ran, none when there was nothing to do.
   * Any number of processes may call it at once. Throws `DatabaseUnavailable` when the database is away.
   */
  async migrate(): Promise<string[]> {
    return this.run(() => migrate(this));
  }

  /** Asks the database one small question; `signal` bounds how long. Never throws. */
  async health(signal: AbortSignal): Promise<DatabaseHealth> {
    const startedAt = performance.now();
    try {
      const applied = await unlessAborted(signal, appliedMigrations(this));
      if (applied.length === 0) return { ok: false, reason: 'the tables are missing: the migrations have not run yet' };
      return { ok: true, ms: performance.now() - startedAt };
    } catch (error) {
      return { ok: false, reason: signal.aborted ? 'the database gave no answer in time' : messageOf(error) };
    }
  }

  /** `health` as a yes or no. Never throws. */
  async isHealthy(signal: AbortSignal): Promise<boolean> {
    return (await this.health(signal)).ok;
  }

  /** Closes the connections; the last step of a drain, after every writer was flushed. May be called again. */
  close(): Promise<void> {
    this.#closing ??= this.orm.close(true);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Opens the SQLite file or the PostgreSQL server that `options` name. Throws on an address that is neither. */
export const openDatabase = async (options: DatabaseOptions): Promise<Database> => {
  const kind = kindOf(options);
  // Not `MikroORM.init`, which searches for optional packages.
  const orm = new MikroORM(await ormOptions(options)) as Orm;
  return new Database(kind, orm);
};
