import { run } from './run.mjs';
import { npm } from './machine.mjs';
import { step } from './step.mjs';

/** Lint and type check side by side; their findings are shown when both are done. Whether they are clean. */
export const checkStyleAndTypes = async () => {
  const results = await step('Checking style, structure and types', () => Promise.all([check('lint'), check('typecheck')]));
  for (const { script, clean, took, output } of results) {
    if (clean) console.log(`  ${script}: clean (${took})`);
    else console.error(`  ${script}: failed (${took})\n${output}`);
  }
  return results.every(({ clean }) => clean);
};

const check = async (script) => {
  const startedAt = Date.now();
  const [command, ...args] = npm();
  const { code, output } = await run(command, [...args, 'run', '--silent', script], { quiet: true });
  const took = `${((Date.now() - startedAt) / 1000).toFixed(1)} s`;
  return { script, clean: code === 0, took, output: output.trim() };
};
