import { asRedisUnavailable, type RedisConnections } from '@conductor/connections';
import { HistoryRow } from '@conductor/contracts';

/** Some seven hours of checks; what is more than this goes, the oldest first. An entry of 100 checks takes 25 kB. */
const MOST_ENTRIES = 5_000;

export interface HistoryEntry {
  readonly id: string;
  readonly rows: readonly HistoryRow[];
  /** Rows in it that this version does not understand. */
  readonly unknown: number;
}

/** What waits: how many entries, for how long the oldest has, and whether each further one costs the oldest. */
export interface Waiting {
  readonly entries: number;
  readonly oldestMs: number;
  readonly isFull: boolean;
}

/**
 * Rows of history on their way to the database. Every app appends; the active conductor takes the oldest, writes them, and only then removes
 * them: what stands here is what is not written yet. All methods throw `RedisUnavailable`.
 */
export class HistoryStream {
  private readonly key: string;

  constructor(private readonly connections: RedisConnections) {
    this.key = `${connections.namespace}:history`;
  }

  /** One entry. When the answer gets lost it may be there all the same: appended again, its rows are still stored once. */
  async append(rows: readonly HistoryRow[]): Promise<void> {
    await this.unlessAway(this.connections.commands.xadd(this.key, 'MAXLEN', '~', MOST_ENTRIES, '*', 'rows', JSON.stringify(rows)));
  }

  /** The oldest entries, in order. */
  async oldest(most: number): Promise<HistoryEntry[]> {
    const entries = await this.unlessAway(this.connections.commands.xrange(this.key, '-', '+', 'COUNT', most));
    return entries.map(([id, fields]) => {
      const found = rowsIn(fields[1]).map((row) => HistoryRow.safeParse(row));
      const rows = found.flatMap(({ data }) => (data ? [data] : []));
      return { id, rows, unknown: found.length - rows.length };
    });
  }

  async remove(ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await this.unlessAway(this.connections.commands.xdel(this.key, ...ids));
  }

  async waiting(): Promise<Waiting> {
    const { commands } = this.connections;
    const [entries, [oldest]] = await this.unlessAway(Promise.all([commands.xlen(this.key), commands.xrange(this.key, '-', '+', 'COUNT', 1)]));
    // An entry's id begins with the time at which it came.
    return { entries, oldestMs: oldest ? Math.max(0, Date.now() - Number.parseInt(oldest[0], 10)) : 0, isFull: entries >= MOST_ENTRIES };
  }

  private async unlessAway<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      throw asRedisUnavailable(error);
    }
  }
}

/** What is no list of rows counts as one row that nobody understands. */
const rowsIn = (text: string | undefined): unknown[] => {
  try {
    const rows: unknown = JSON.parse(text ?? '');
    return Array.isArray(rows) ? rows : [rows];
  } catch {
    return [undefined];
  }
};
