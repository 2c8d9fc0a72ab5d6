import type { Config } from '@conductor/config';
import type { History, HistoryQuery } from '@conductor/persistence';
import type { ChecksInSql } from './checks-in-sql';

/**
 * The checks of the past. What speaks to the database takes 13 MB, and most monitors are never asked for the past (the conductor answers the
 * same question): it is loaded for the first one who does.
 */
export class CheckHistory {
  private opening: Promise<ChecksInSql> | undefined;

  constructor(private readonly config: Config) {}

  /** @throws Problem while the database cannot be read */
  async read(query: HistoryQuery): Promise<History> {
    return (await this.open()).read(query);
  }

  async close(): Promise<void> {
    await (await this.opening)?.close();
  }

  private open(): Promise<ChecksInSql> {
    this.opening ??= import('./checks-in-sql.js')
      .then((module) => module.ChecksInSql.open(this.config))
      .catch((error: unknown) => {
        this.opening = undefined;
        throw error;
      });
    return this.opening;
  }
}
