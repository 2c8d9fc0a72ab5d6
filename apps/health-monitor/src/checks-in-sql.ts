import type { Config } from '@conductor/config';
import { Problem } from '@conductor/http';
import { type Database, DatabaseUnavailable, type History, type HistoryQuery, MetricsHistory, openDatabase } from '@conductor/persistence';

/** One look at whether the tables are there. */
const LOOK_MS = 3_000;

/** Checks as they stand in the database, which the conductor writes; this only reads. Loaded by `CheckHistory` when somebody asks. */
export class ChecksInSql {
  private isUsable = false;

  private constructor(
    private readonly database: Database,
    private readonly metrics: MetricsHistory,
  ) {}

  static async open({ home, databaseUrl, metrics }: Config): Promise<ChecksInSql> {
    const database = await openDatabase({ home, databaseUrl });
    return new ChecksInSql(database, new MetricsHistory(database, { keepRawMs: metrics.rawRetentionMs }));
  }

  /** @throws Problem while the database is away, or no conductor has made its tables yet */
  async read(query: HistoryQuery): Promise<History> {
    try {
      await this.untilUsable();
      return await this.metrics.history(query);
    } catch (error) {
      if (error instanceof DatabaseUnavailable) throw notReady(error.message, error);
      throw error;
    }
  }

  close(): Promise<void> {
    return this.database.close();
  }

  private async untilUsable(): Promise<void> {
    if (this.isUsable) return;
    const health = await this.database.health(AbortSignal.timeout(LOOK_MS));
    if (!health.ok) throw notReady(health.reason);
    this.isUsable = true;
  }
}

const notReady = (reason: string, cause?: unknown): Problem =>
  new Problem('not-ready', `The history cannot be read now, because the database is away (${reason}). The present health is not touched by that: GET /v1/health.`, { retryAfterSeconds: 5, cause });
