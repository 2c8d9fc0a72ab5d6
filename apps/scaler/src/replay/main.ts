import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { plot } from './plot';
import { builtInPolicies, policyCalled } from './policies';
import { readSeries } from './series-file';
import { type Kind, type Trial, tryOut } from './trial';

const USAGE = `npm run scaler:replay -- <series.csv> --policy <name or file.json> [--policy …] [--as memory|requests] [--out plot.svg]

Lets whole policies live through the same recorded series, and compares what they cost, how often they were too late, and how often they
switched. A series is a header, then a row a period: time stamp, value. Policies without a file:
${builtInPolicies()}`;

/** One row a policy. */
const table = (trials: readonly Trial[], kind: Kind): string => {
  const cost = kind === 'memory' ? 'cost: platform-hours off' : 'cost: worker-hours (1 = as defined)';
  const cells = [['policy', cost, 'breaches: % of the time', 'switches'], ...trials.map(({ policy, cost: hours, breaches, switches }) => [policy.name, hours.toFixed(1), (breaches * 100).toFixed(2), String(switches)])];
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  return cells.map((row) => row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join('   ')).join('\n');
};

const main = (): void => {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { policy: { type: 'string', multiple: true }, as: { type: 'string' }, out: { type: 'string' }, help: { type: 'boolean' } } });
  const [file] = positionals;
  if (values.help || file === undefined) return void process.stdout.write(`${USAGE}\n`);
  if (values.as !== undefined && values.as !== 'memory' && values.as !== 'requests') throw new Error(`--as is memory or requests, not "${values.as}"`);
  const series = readSeries(file);
  const kind: Kind = values.as ?? (/mem|rss|mb/i.test(series.name) ? 'memory' : 'requests');
  const trials = (values.policy ?? ['default', 'reactive']).map((name) => tryOut(policyCalled(name), series, kind));
  const out = resolve(values.out ?? `.runtime/replays/${series.name}-${kind}.svg`);
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(out, plot(series.name, trials, kind));
  process.stdout.write(`${series.name}, as ${kind}: ${series.points.length} figures, one each ${series.everyMs / 1_000} s\n\n${table(trials, kind)}\n\n${out}\n`);
};

try {
  main();
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
