import { main, Problem } from './lib/problem.mjs';
import { bundlePackages } from './lib/dist.mjs';
import { node24 } from './lib/machine.mjs';
import { prepare } from './lib/prepare.mjs';
import { inProject } from './lib/project.mjs';
import { run } from './lib/run.mjs';
import { withTestRedis } from './lib/test-redis.mjs';

/** `npm run bench` measures everything and writes docs/benchmarks.md; `npm run bench -- throughput` only that, and writes nothing. */
await main(async () => {
  await prepare('tests');
  const built = inProject('.runtime', 'bench');
  const swc = inProject('node_modules', '@swc', 'cli', 'bin', 'swc.js');
  const compiled = await run(node24(), [swc, 'apps', 'libs', 'test/bench', 'test/support/footprint.ts', '-d', built, '--copy-files', '--config-file', '.swcrc'], { quiet: true });
  if (compiled.code !== 0) throw new Problem('The benchmarks cannot be built:', compiled.output);
  await bundlePackages(built);
  const script = inProject('.runtime', 'bench', 'test', 'bench', 'main.js');
  const report = inProject('docs', 'benchmarks.md');
  return withTestRedis(async (redisUrl) => (await run(node24(), [script, redisUrl, report, ...process.argv.slice(2)])).code);
});
