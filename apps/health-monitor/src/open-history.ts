import { setTimeout as wait } from 'node:timers/promises';
import type { AppContext } from '@conductor/http';
import type { Database, MetricsWriter, TransitionLog } from '@conductor/persistence';

const RETRY_MS = 5_000;
/** Together well within the drain of the process. */
const FLUSH_MS = 1_500;

/** Makes the tables when the database is there, now or later, and sees to it that everything is written at the end. */
export const openHistory = ({ resources, logger }: AppContext, database: Database, metrics: MetricsWriter, transitions: TransitionLog): void => {
  const closing = new AbortController();
  const migrated = migrateEventually(database, closing.signal, (error) => logger.warn({ err: error }, 'the database is not usable; history waits until it is'));
  resources.hold('database', database, async (open) => {
    closing.abort();
    await migrated;
    const left = await Promise.all([metrics, transitions].map((writer) => writer.flush(AbortSignal.timeout(FLUSH_MS))));
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
