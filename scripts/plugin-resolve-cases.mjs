import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { prepare } from './lib/prepare.mjs';
import { main, Problem } from './lib/problem.mjs';
import { inProject } from './lib/project.mjs';

/** `npm run plugin:resolve-cases -- <folder>` judges the solver by resolution cases in the format of CocoaPods' Resolver-Integration-Specs. */
await main(async () => {
  const [folder] = process.argv.slice(2).map((path) => resolve(process.env.INIT_CWD ?? '.', path));
  if (folder === undefined || !existsSync(join(folder, 'case')) || !existsSync(join(folder, 'index'))) {
    throw new Problem('Usage: npm run plugin:resolve-cases -- <folder>', 'The folder must hold `case/*.json` and `index/*.json`, as in CocoaPods/Resolver-Integration-Specs.');
  }
  await prepare();
  const { runResolverCases } = createRequire(import.meta.url)(inProject('dist', 'libs', 'plugin-runtime', 'src'));
  const results = runResolverCases(folder);
  for (const { file, name, verdict, detail, ms, steps } of results) console.log(`${verdict.padEnd(14)} ${file} (${name}), ${ms.toFixed(1)} ms, ${steps} steps${detail ? `\n               ${detail}` : ''}`);
  const count = (verdict) => results.filter((result) => result.verdict === verdict).length;
  console.log(`\n${count('as expected')} as expected, ${count('other versions')} with other versions that also hold, ${count('wrong')} wrong, ${count('not run')} not run`);
  return count('wrong') + count('not run') > 0 || results.length === 0 ? 1 : 0;
});
