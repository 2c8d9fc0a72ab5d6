/** The database cannot be used now. What was asked for did not happen; asking again later may help. */
export class DatabaseUnavailable extends Error {
  override readonly name = 'DatabaseUnavailable';
  readonly retryable = true;

  static because(cause: unknown): DatabaseUnavailable {
    return new DatabaseUnavailable(`The database cannot be used now: ${messageOf(cause)}`, { cause });
  }
}

export const messageOf = (error: unknown): string => {
  // pg reports a host with several addresses as an AggregateError whose own message is empty.
  if (error instanceof AggregateError && !error.message) return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
};

// Primary result codes of SQLite (https://sqlite.org/rescode.html).
const SQLITE_BUSY = 5;
const SQLITE_AWAY = [SQLITE_BUSY, 6 /* locked */, 8 /* read-only */, 10 /* I/O error */, 13 /* full */, 14 /* cannot open */];
const SQLITE_REFUSED = [18 /* too big */, 19 /* constraint */, 20 /* mismatch */];

// SQLSTATE classes of PostgreSQL (appendix A of its manual).
const POSTGRES_AWAY = /^(08|28|3D|40|53|57|58)[0-9A-Z]{3}$|^25006$/; // 25006: a server that is only a standby now
const POSTGRES_REFUSED = /^(22|23)[0-9A-Z]{3}$/;

/** With a digit, unlike EPIPE. */
const SQLSTATE = /^(?=.*\d)[0-9A-Z]{5}$/;

const NETWORK_AWAY = /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOST|ENETUNREACH|ENOENT|EACCES)/;
/** What the clients say without a telling code when a connection is lost, slow, or closed by us. */
const CLIENT_AWAY = /connection terminated|connection error|timeout exceeded|read timeout|calling end on the pool|has already been destroyed|database is not open/i;

/** Whether the database is away or refuses service, so that asking again later may help. */
export const isUnavailable = (error: unknown): boolean => {
  const sqlite = sqliteCode(error);
  if (sqlite !== undefined) return SQLITE_AWAY.includes(sqlite);
  const code = textCode(error) ?? '';
  if (SQLSTATE.test(code)) return POSTGRES_AWAY.test(code);
  return NETWORK_AWAY.test(code) || (error instanceof Error && !(error instanceof DatabaseUnavailable) && CLIENT_AWAY.test(error.message));
};

/** Whether the data itself is refused: no retry helps it. */
export const isDataRefused = (error: unknown): boolean =>
  SQLITE_REFUSED.includes(sqliteCode(error) ?? 0) || POSTGRES_REFUSED.test(textCode(error) ?? '');

export const isSqliteBusy = (error: unknown): boolean => sqliteCode(error) === SQLITE_BUSY;

/** node:sqlite gives the extended code, whose lowest byte is the primary one. */
const sqliteCode = (error: unknown): number | undefined => {
  const code = property(error, 'errcode');
  return typeof code === 'number' ? code & 0xff : undefined;
};

const textCode = (error: unknown): string | undefined => {
  const code = property(error, 'code');
  return typeof code === 'string' ? code : undefined;
};

const property = (error: unknown, name: string): unknown =>
  typeof error === 'object' && error !== null ? (error as Record<string, unknown>)[name] : undefined;
