import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { main, Problem } from './lib/problem.mjs';
import { bundlePackages } from './lib/dist.mjs';
import { node24 } from './lib/machine.mjs';
import { prepare } from './lib/prepare.mjs';
import { inProject } from './lib/project.mjs';
import { run } from './lib/run.mjs';

/** How the launcher starts the scaler; and the collector at hand, so that memory can be measured without garbage. */
const AS_IN_PRODUCTION = ['--max-semi-space-size=2', '--expose-gc'];

/** The folder of recorded load beside the project, else the two short series that come with the tests. */
const recorded = () => {
  const folders = [inProject('..', 'shared', 'data', 'load'), inProject('apps', 'scaler', 'src', 'forecast', 'fixtures', 'traffic')];
  const folder = folders.find(existsSync);
  return readdirSync(folder).filter((file) => file.endsWith('.csv')).sort().map((file) => join(folder, file));
};

/**
 * `npm run bench:scaler` measures the scaler over every recorded series and writes docs/benchmarks-scaler.md;
 * `npm run bench:scaler -- <file.csv…>` over those series only, and writes nothing. Recorded series: a header, then one row a period (time stamp, value).
 */
await main(async () => {
  const given = process.argv.slice(2).map((file) => resolve(process.env.INIT_CWD ?? process.cwd(), file));
  for (const file of given) if (!existsSync(file)) throw new Problem(`There is no file ${file}.`, 'Name CSV files with a header and one row a period: time stamp, value.');
  await prepare('tests');
  const built = inProject('.runtime', 'bench-scaler');
  const swc = inProject('node_modules', '@swc', 'cli', 'bin', 'swc.js');
  const compiled = await run(node24(), [swc, 'apps', 'libs', 'test/bench', '-d', built, '--copy-files', '--config-file', '.swcrc'], { quiet: true });
  if (compiled.code !== 0) throw new Problem('The benchmarks cannot be built:', compiled.output);
  await bundlePackages(built);
  const script = inProject('.runtime', 'bench-scaler', 'test', 'bench', 'scaler', 'main.js');
  const report = given.length > 0 ? '-' : inProject('docs', 'benchmarks-scaler.md');
  return (await run(node24(), [...AS_IN_PRODUCTION, script, report, ...(given.length > 0 ? given : recorded())])).code;
});
