import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { ensureBuilt } from './lib/dist.mjs';
import { main, Problem } from './lib/problem.mjs';
import { inProject } from './lib/project.mjs';

const BEGIN = '<!-- configuration: made by `node scripts/config-table.mjs --write` -->';
const END = '<!-- /configuration -->';

const SPANS = [[86_400_000, 'd'], [3_600_000, 'h'], [60_000, 'min'], [1_000, 's']];

const tableOf = (schema) =>
  [
    '| variable | default | what it is |',
    '|---|---|---|',
    ...Object.entries(schema.shape).map(([name, setting]) => `| \`${name}\` | ${shownDefault(name, setting.safeParse(undefined).data)} | ${readable(setting.description)} |`),
  ].join('\n');

const shownDefault = (name, value) => {
  if (value === undefined) return '';
  const [size, unit] = (name.endsWith('_MS') && SPANS.find(([ms]) => value % ms === 0)) || [];
  return `\`${value}\`${unit ? ` (${value / size} ${unit})` : ''}`;
};

/** `<home>` would be taken for an HTML tag. */
const readable = (description) => description.replaceAll('<', '&lt;');

/** Prints the table of all settings; with `--write` it takes the place of the one in README.md. */
await main(async () => {
  await ensureBuilt();
  const { Environment } = createRequire(import.meta.url)(inProject('dist', 'libs', 'config', 'src', 'environment.js'));
  const table = tableOf(Environment);
  if (!process.argv.includes('--write')) return void console.log(table);
  const file = inProject('README.md');
  const text = readFileSync(file, 'utf8');
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (from < 0 || to < from) throw new Problem('README.md has lost the marks around its configuration table. Put these two lines back:', BEGIN, END);
  writeFileSync(file, `${text.slice(0, from + BEGIN.length)}\n${table}\n${text.slice(to)}`);
});
