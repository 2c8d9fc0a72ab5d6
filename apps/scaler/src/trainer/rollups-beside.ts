import { extname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { RollupsAsked, RollupsRead } from './rollups-in-sql';
import { QUARTER_MS, type SeriesData, type TrainingData } from './training-data';

/** The profile of the week needs weeks; what is older than this says little of today. */
const LOOK_BACK_MS = 28 * 86_400_000;

/**
 * Reads what the database knows of the days before, in a thread of its own: SQLite and Danfo.js keep a thread busy for more than half
 * a second each, one with reading and the other with being loaded. The thread loads what it needs from its start on.
 */
export class RollupsBeside {
  private readonly thread = new Worker(join(__dirname, 'reader', `main${extname(__filename)}`));
  private readonly answer = new Promise<RollupsRead | undefined>((resolve) => {
    this.thread.once('message', resolve);
    this.thread.once('error', () => resolve(undefined));
    this.thread.once('exit', () => resolve(undefined));
  });

  /** Adds them to series that came without. Without the database the windows are all there is to learn from. */
  async addTo({ database, ...data }: TrainingData): Promise<TrainingData> {
    if (database) this.thread.postMessage({ database, from: data.now - LOOK_BACK_MS } satisfies RollupsAsked);
    const known = database && (await this.answer);
    const series = Object.entries(data.series).map(([name, given]): [string, SeriesData] => {
      const columns = given.rollups.at.length > 0 ? undefined : known?.get(name);
      return [name, columns ? { ...given, rollups: { everyMs: QUARTER_MS, at: [...columns.at], value: [...columns.value] } } : given];
    });
    return { ...data, series: Object.fromEntries(series) };
  }

  /** For a run that has nothing to read. */
  async close(): Promise<void> {
    await this.thread.terminate();
  }
}
