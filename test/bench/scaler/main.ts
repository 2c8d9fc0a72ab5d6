import { writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { basename, join } from 'node:path';
import { print, type Result, table } from '../support/report';
import { decisionLoop } from './decision-loop.bench';
import { forecastTick } from './forecast-tick.bench';
import { resultsOf } from './results-of';
import { trainingRuns } from './training.bench';

/** `node main.js <report file, or -> <series.csv…>`: measures the scaler; the report says how to do it again. */
const [file = '-', ...series] = process.argv.slice(2);

/** In this process, which stays as light as a scaler: what costs the scaler something. */
const costs: Array<() => Promise<Result[]>> = [forecastTick, decisionLoop, trainingRuns];

const reportOf = (results: Result[]): string =>
  [
    '# Benchmarks of the scaler',
    '',
    'Written by `npm run bench:scaler`; every figure below is from one run of it. Other series: `npm run bench:scaler -- <file.csv…>`.',
    '',
    `- Date: ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC`,
    `- Machine: ${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform}; Node ${process.version}`,
    `- Series: ${series.map((path) => basename(path)).join(', ')}`,
    '',
    ...results.flatMap((result) => [`## ${result.title}`, '', result.note, '', table(result), '']),
  ].join('\n');

void (async () => {
  const results: Result[] = [];
  const keep = (measured: Result[]) => {
    measured.forEach(print);
    results.push(...measured);
  };
  for (const cost of costs) keep(await cost());
  // In a process each: they train inside, and Danfo.js is heavy.
  for (const path of series) keep(await resultsOf(join(__dirname, 'walk-forward.main.js'), [path]));
  if (file !== '-') writeFileSync(file, reportOf(results));
})();
