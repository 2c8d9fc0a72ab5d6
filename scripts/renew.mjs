import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { withComposeServices, withNestProjects } from './lib/app-lists.mjs';
import { builtApps, settingsOfAll, tableOf } from './lib/config-table.mjs';
import { ensureBuilt } from './lib/dist.mjs';
import { main, Problem } from './lib/problem.mjs';
import { inProject } from './lib/project.mjs';

const BEGIN = '<!-- configuration: made by `npm run renew` -->';
const END = '<!-- /configuration -->';

const withTable = (text, table) => {
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (from < 0 || to < from) throw new Problem('README.md has lost the marks around its configuration table. Put these two lines back:', BEGIN, END);
  return `${text.slice(0, from + BEGIN.length)}\n${table}\n${text.slice(to)}`;
};

const renew = (name, change) => {
  const file = inProject(...name.split('/'));
  if (!existsSync(file)) return;
  const before = readFileSync(file, 'utf8');
  const after = change(before);
  if (after !== before) writeFileSync(file, after);
  console.log(`${name}: ${after === before ? 'as it was' : 'renewed'}`);
};

/** `npm run renew`: what people and other tools read instead of looking into `apps` is written down anew from what is there. */
await main(async () => {
  await ensureBuilt();
  const variablesOf = (app) => Object.keys(builtApps().find(({ name }) => name === app).settings);
  renew('README.md', (text) => withTable(text, tableOf(settingsOfAll())));
  renew('nest-cli.json', (text) => withNestProjects(text));
  renew('docker/compose.yaml', (text) => withComposeServices(text, variablesOf));
});
