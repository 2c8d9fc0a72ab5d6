import { existsSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { prepare } from './lib/prepare.mjs';
import { main, Problem } from './lib/problem.mjs';
import { inProject } from './lib/project.mjs';
import { scaffold } from './lib/plugin-scaffold.mjs';

const NAME = /^(@[a-z0-9][a-z0-9._-]*\/)?[a-z][a-z0-9-]*$/;

/** `npm run plugin:new -- <name> [folder]` writes a plugin that works, with its tests; without a folder into `plugins/<name>`. */
await main(async () => {
  const [name, where] = process.argv.slice(2);
  if (name === undefined || !NAME.test(name) || name.length > 64) {
    throw new Problem('Usage: npm run plugin:new -- <name> [folder]', 'The name is lower case letters, digits and dashes, with a scope if you like: echo, @acme/echo.');
  }
  const folder = where === undefined ? inProject('plugins', name) : join(resolve(process.env.INIT_CWD ?? '.', where));
  if (existsSync(folder)) throw new Problem(`${folder} is there already.`, 'Take another name, or remove it.');
  await prepare();
  const files = scaffold(name, folder);
  const shown = relative(process.env.INIT_CWD ?? process.cwd(), folder) || '.';
  console.log([`${name} is in ${shown}:`, ...files.map((file) => `  ${file}`), '', 'Next:', `  npm run plugin:test -- ${shown}`].join('\n'));
});
