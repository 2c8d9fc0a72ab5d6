import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { node24 } from './lib/machine.mjs';
import { prepare } from './lib/prepare.mjs';
import { main } from './lib/problem.mjs';
import { inProject } from './lib/project.mjs';
import { run } from './lib/run.mjs';

/** `npm run scaler:replay -- <series> --policy a --policy b`: compares whole policies on one recorded series. Files are looked for where the person is. */
await main(async () => {
  await prepare();
  const here = (argument) => {
    const file = resolve(process.env.INIT_CWD ?? process.cwd(), argument);
    return !argument.startsWith('-') && existsSync(file) ? file : argument;
  };
  const script = inProject('dist', 'apps', 'scaler', 'src', 'replay', 'main.js');
  return (await run(node24(), ['--enable-source-maps', script, ...process.argv.slice(2).map(here)])).code;
});
