import { ROLLUP_MS, type ScalingRollupRow } from '@conductor/contracts';
import { openDatabase, ScalingHistory } from '@conductor/persistence';
import { SERIES, valueAt } from './crowd-of-series';

/** `node write-rollups.main.js <home> <end>`: fills the database of a home with the roll-ups of every series from 0 to the end (epoch ms). */
const [home = '', end = '0'] = process.argv.slice(2);

void (async () => {
  await using database = await openDatabase({ home });
  await database.migrate();
  const history = new ScalingHistory(database);
  for (const [index, series] of SERIES.entries()) {
    const rows: ScalingRollupRow[] = [];
    for (let at = 0; at < Number(end); at += ROLLUP_MS.fine) rows.push({ bucketMs: ROLLUP_MS.fine, series, at, writer: 'bench', samples: 60, mean: valueAt(index, at), max: valueAt(index, at) });
    await history.write(rows);
  }
})();
