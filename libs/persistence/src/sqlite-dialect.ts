import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { setTimeout as wait } from 'node:timers/promises';
import { SqliteDialect, SqliteDriver, type CompiledQuery, type DatabaseConnection, type Driver, type SqliteDatabase } from 'kysely';
import { isSqliteBusy } from './database-errors';

export interface WalSqliteOptions {
  file: string;
  /** How long a statement waits for another process to give the write lock back, in milliseconds. */
  lockWaitMs: number;
}

/**
 * Kysely dialect over node:sqlite for one file that several processes share: write-ahead log, transactions that take the
 * write lock when they begin, and waiting for that lock without holding up the event loop. SQLite's own busy time-out
 * would sleep inside the call, and with it every timer and socket of the process: a health tick must not pay for a
 * neighbour's long write.
 */
export class WalSqliteDialect extends SqliteDialect {
  readonly #options: WalSqliteOptions;

  constructor(options: WalSqliteOptions) {
    const database = () => open(options);
    super({ database });
    this.#options = options;
  }

  override createDriver(): Driver {
    return new WaitingSqliteDriver(this.#options);
  }
}

class WaitingSqliteDriver extends SqliteDriver {
  readonly #lockWaitMs: number;
  #connection?: DatabaseConnection;

  constructor(options: WalSqliteOptions) {
    super({ database: () => open(options) });
    this.#lockWaitMs = options.lockWaitMs;
  }

  override async acquireConnection(): Promise<DatabaseConnection> {
    this.#connection ??= patiently(await super.acquireConnection(), this.#lockWaitMs);
    return this.#connection;
  }
}

/** A refused statement has had no effect, so asking again is safe, inside a transaction too. */
const patiently = (connection: DatabaseConnection, lockWaitMs: number): DatabaseConnection => ({
  executeQuery: <R>(query: CompiledQuery) => whileBusy(lockWaitMs, () => connection.executeQuery<R>(query)),
  streamQuery: <R>(query: CompiledQuery, chunkSize: number) => connection.streamQuery<R>(query, chunkSize),
});

const whileBusy = async <T>(lockWaitMs: number, attempt: () => T | Promise<T>): Promise<T> => {
  const giveUpAt = performance.now() + lockWaitMs;
  for (let tries = 0; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!isSqliteBusy(error) || performance.now() > giveUpAt) throw error;
      // Jitter, so that many waiting processes do not knock in step.
      await wait(1 + Math.random() * Math.min(25, 2 ** tries));
    }
  }
};

const open = async ({ file, lockWaitMs }: WalSqliteOptions): Promise<SqliteDatabase> => {
  mkdirSync(dirname(file), { recursive: true });
  // The audit log is nobody else's business; the log and index files beside it inherit the mode.
  closeSync(openSync(file, 'a', 0o600));
  return whileBusy(lockWaitMs, () => {
    const db = new DatabaseSync(file, { timeout: 0, enableForeignKeyConstraints: true });
    try {
      db.exec('pragma journal_mode = wal; pragma synchronous = normal;');
    } catch (error) {
      db.close();
      throw error;
    }
    return toKysely(db);
  });
};

const toKysely = (db: DatabaseSync): SqliteDatabase => ({
  prepare: (sql) => {
    // A transaction that reads first and writes later could lose the lock in between, and no waiting would help it.
    const statement = db.prepare(/^\s*begin\s*$/i.test(sql) ? 'begin immediate' : sql);
    return {
      reader: statement.columns().length > 0,
      all: (parameters) => statement.all(...(parameters as SQLInputValue[])),
      run: (parameters) => statement.run(...(parameters as SQLInputValue[])),
      iterate: (parameters) => statement.iterate(...(parameters as SQLInputValue[])),
    };
  },
  close: () => db.close(),
});
