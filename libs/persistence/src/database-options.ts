import { join } from 'node:path';
import { SqliteDriver, type Options } from '@mikro-orm/sql';
import { entities } from './entities';
import { WalSqliteDialect } from './sqlite-dialect';

export interface DatabaseOptions {
  /** Folder of the SQLite file `conductor.sqlite`; made when it is missing. Not used with PostgreSQL. */
  home: string;
  /** `postgres://` or `postgresql://` address. Without it, SQLite. */
  databaseUrl?: string | undefined;
  /** How long a write waits for another process to give SQLite's lock back, in milliseconds. Default 5000. */
  lockWaitMs?: number;
  /** Connections to PostgreSQL at most. Every app has a pool of its own, so it is small. Default 4. */
  poolMax?: number;
  /** How long PostgreSQL may take to accept a connection, in milliseconds. Default 2000. */
  connectTimeoutMs?: number;
  /** How long PostgreSQL may take for one statement, in milliseconds. Default 15000. */
  statementTimeoutMs?: number;
  /** Told of what goes wrong between queries, e.g. a connection that the server dropped. */
  onWarning?: (message: string) => void;
}

export type DatabaseKind = 'sqlite' | 'postgresql';

export const kindOf = ({ databaseUrl }: DatabaseOptions): DatabaseKind => {
  if (!databaseUrl) return 'sqlite';
  if (/^postgres(ql)?:\/\//.test(databaseUrl)) return 'postgresql';
  // The address holds a password, so the message does not repeat it.
  throw new Error('DATABASE_URL must begin with postgres:// or postgresql://; leave it away for SQLite.');
};

/** What MikroORM needs to know, the same for both databases but for the driver. */
export const ormOptions = async (options: DatabaseOptions): Promise<Options> => {
  const onWarning = options.onWarning;
  return {
    entities,
    colors: false,
    // MikroORM writes to the terminal unless it is told where else.
    logger: (message) => onWarning?.(message),
    ...(kindOf(options) === 'sqlite' ? sqlite(options) : await postgresql(options)),
  };
};

const sqlite = ({ home, lockWaitMs = 5000 }: DatabaseOptions): Options => {
  const file = join(home, 'conductor.sqlite');
  return { driver: SqliteDriver, dbName: file, driverOptions: () => new WalSqliteDialect({ file, lockWaitMs }) };
};

const postgresql = async (options: DatabaseOptions): Promise<Options> => {
  const { databaseUrl, poolMax = 4, connectTimeoutMs = 2000, statementTimeoutMs = 15_000 } = options;
  // Loaded only where it is used: it costs every process 7 MB.
  const { PostgreSqlDriver } = await import('@mikro-orm/postgresql');
  return {
    driver: PostgreSqlDriver,
    // MikroORM wants a name; what counts is the address, which `pg` reads with all of its parameters (sslmode, host=…).
    dbName: new URL(databaseUrl ?? '').pathname.slice(1) || 'postgres',
    pool: { min: 0, max: poolMax },
    driverOptions: {
      connectionString: databaseUrl,
      application_name: 'conductor',
      connectionTimeoutMillis: connectTimeoutMs,
      statement_timeout: statementTimeoutMs,
      // A server that hangs never sends the statement time-out, so the client has one of its own.
      query_timeout: statementTimeoutMs + 1000,
      keepAlive: true,
    },
  };
};
