import { run } from './run.mjs';
import { npm } from './machine.mjs';

/** Lint and type check side by side; each one's findings are shown when it is done. Whether both are clean. */
export const checkStyleAndTypes = async () => {
  console.log('Checking style, structure and types …');
  const results = await Promise.all([check('lint'), check('typecheck')]);
  return results.every(Boolean);
};

const check = async (script) => {
  const startedAt = Date.now();
  const [command, ...args] = npm();
  const { code, output } = await run(command, [...args, 'run', '--silent', script], { quiet: true });
  const took = `${((Date.now() - startedAt) / 1000).toFixed(1)} s`;
  if (code === 0) console.log(`  ${script}: clean (${took})`);
  else console.error(`  ${script}: failed (${took})\n${output.trim()}`);
  return code === 0;
};
