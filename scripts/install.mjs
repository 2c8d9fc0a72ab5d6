import { ensureDependencies, isInstalled } from './lib/dependencies.mjs';
import { checkMachine } from './lib/machine.mjs';
import { oneAtATime } from './lib/one-at-a-time.mjs';
import { SETS } from './lib/package-sets.mjs';
import { main, Problem } from './lib/problem.mjs';

/** `node scripts/install.mjs training` fetches what a purpose needs, ahead of time or because an app asked for it. */
await main(async () => {
  const [what = 'start'] = process.argv.slice(2);
  if (!(what in SETS)) throw new Problem(`Usage: node scripts/install.mjs [${Object.keys(SETS).join(' | ')}]`);
  checkMachine();
  if (isInstalled(['start', what])) return;
  await oneAtATime(`Installing for ${what}`, () => ensureDependencies(what));
});
