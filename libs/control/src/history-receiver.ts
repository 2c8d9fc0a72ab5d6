import { setTimeout as wait } from 'node:timers/promises';
import type { RedisConnections } from '@conductor/connections';
import type { HistoryRow } from '@conductor/contracts';
import type { Logger } from '@conductor/observability';
import { type HistoryEntry, HistoryStream } from './history-stream';

/** Where rows end up. */
export interface HistoryStore {
  /** Must store a row that comes again only once. @throws while it can store none */
  write(rows: readonly HistoryRow[]): Promise<void>;
}

const LOOK_MS = 1_000;
const ENTRIES_AT_ONCE = 20;
const [FIRST_PAUSE_MS, MOST_PAUSE_MS] = [500, 10_000];
/** Well within the drain of the process. */
const LAST_LOOK_MS = 1_500;

/**
 * Moves rows of history from Redis into the database. They leave Redis only when they are written, so a conductor that is killed, or a
 * database that is away, loses none: whoever acts next begins with the oldest. What was written just before a kill is written again, and
 * stored once. Two that both take themselves for the acting one for a moment do no harm either.
 */
export class HistoryReceiver {
  private readonly stream: HistoryStream;
  private readonly stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();
  private failures = 0;
  private lastError?: string | undefined;

  constructor(
    connections: RedisConnections,
    private readonly store: HistoryStore,
    private readonly isActive: () => boolean,
    private readonly logger: Logger,
  ) {
    this.stream = new HistoryStream(connections);
  }

  open(): void {
    this.running = this.run(this.stopping.signal);
  }

  /** Takes once more what is there, so that a stop in good order leaves nothing behind. */
  async close(): Promise<void> {
    this.stopping.abort();
    const last = this.running.then(() => (this.isActive() && this.failures === 0 ? this.takeAll() : undefined));
    await Promise.race([last, wait(LAST_LOOK_MS, undefined, { ref: false })]);
  }

  /** For `/health/flow`. */
  async health(): Promise<{ up: boolean; reason: string }> {
    if (!this.isActive()) return { up: true, reason: 'standing by' };
    const { entries } = await this.stream.waiting();
    return this.lastError !== undefined
      ? { up: false, reason: `the database takes no history (${this.lastError}); ${entries} entries wait in Redis` }
      : { up: true, reason: `${entries} entries wait in Redis` };
  }

  private async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.isActive()) await this.takeAll(signal);
      await wait(this.pauseMs(), undefined, { signal }).catch(() => undefined);
    }
  }

  /** Never throws. */
  private async takeAll(signal?: AbortSignal): Promise<void> {
    while (!signal?.aborted) {
      // Redis that is away is told of elsewhere.
      const entries = await this.stream.oldest(ENTRIES_AT_ONCE).catch(() => []);
      if (entries.length === 0 || !(await this.write(entries)) || entries.length < ENTRIES_AT_ONCE) return;
    }
  }

  /** @returns whether it was done */
  private async write(entries: readonly HistoryEntry[]): Promise<boolean> {
    try {
      const unknown = entries.reduce((sum, entry) => sum + entry.unknown, 0);
      if (unknown > 0) this.logger.warn({ rows: unknown }, 'history: rows of a form that this version does not know are left out');
      await this.store.write(entries.flatMap(({ rows }) => rows));
    } catch (error) {
      this.failed(error);
      return false;
    }
    this.succeeded();
    // What stays there is written once more, and stored once.
    return this.stream.remove(entries.map(({ id }) => id)).then(() => true, () => false);
  }

  private failed(error: unknown): void {
    this.lastError = error instanceof Error ? error.message : String(error);
    if (this.failures++ === 0) this.logger.warn({ err: error }, 'history: the database takes no rows; they wait in Redis until it does');
  }

  private succeeded(): void {
    if (this.failures > 0) this.logger.info('history: the database takes rows again');
    this.failures = 0;
    this.lastError = undefined;
  }

  private pauseMs(): number {
    if (this.failures === 0) return LOOK_MS;
    return Math.min(MOST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.failures - 1)) * (0.5 + Math.random() / 2);
  }
}
