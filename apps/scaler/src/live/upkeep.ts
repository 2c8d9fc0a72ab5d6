import { setTimeout as wait } from 'node:timers/promises';
import type { AppContext } from '@conductor/http';
import type { Database, ScalingHistory, ScalingLog } from '@conductor/persistence';
import { COARSE_MS, FINE_MS, type Rollups } from '../window/rollups';

const RETRY_MS = 5_000;
const HOUR_MS = 3_600_000;
/** Together well within the drain of the process. */
const FLUSH_MS = 1_500;

interface Kept {
  readonly database: Database;
  readonly log: ScalingLog;
  readonly history: ScalingHistory;
  readonly rollups: Rollups;
}

/** Makes the tables when the database is there, now or later; removes what is too old; writes everything at the end. */
export const keepUp = ({ resources, logger, config }: AppContext, { database, log, history, rollups }: Kept, isActing: () => boolean): void => {
  const closing = new AbortController();
  const migrated = migrateEventually(database, closing.signal, (error) => logger.warn({ err: error }, 'the database is not usable; history waits until it is'));
  const { rawRetentionMs, hourlyRetentionMs } = config.metrics;
  const prune = async () => {
    if (!isActing()) return;
    const now = Date.now();
    await history.prune(FINE_MS, now - rawRetentionMs);
    await history.prune(COARSE_MS, now - hourlyRetentionMs);
    await log.prune(now - hourlyRetentionMs);
  };
  const timer = setInterval(() => void prune().catch((error: unknown) => logger.warn({ err: error }, 'old history could not be removed; the next hour makes up for it')), HOUR_MS).unref();
  resources.hold('history', database, async (open) => {
    clearInterval(timer);
    closing.abort();
    await migrated;
    rollups.flush();
    const left = await Promise.all([log, history].map((writer) => writer.flush(AbortSignal.timeout(FLUSH_MS))));
    const lost = left.reduce((sum, rows) => sum + rows, 0);
    if (lost > 0) logger.warn({ rows: lost }, 'history could not be written and is lost');
    await open.close();
  });
};

/** Any number of processes may do it; the conductor does it too, and this app needs no conductor. */
const migrateEventually = async (database: Database, signal: AbortSignal, onFailure: (error: unknown) => void): Promise<void> => {
  for (let told = false; !signal.aborted; told = true) {
    try {
      await database.migrate();
      return;
    } catch (error) {
      if (!told) onFailure(error);
      await wait(RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
  }
};
