import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Environment } from './environment';

/** Rows of the table in README.md: variable, default and description. */
const rows = (): string[][] => {
  const readme = readFileSync(join(__dirname, '..', '..', '..', 'README.md'), 'utf8');
  const table = /<!-- configuration: [^\n]*-->\n([^]*?)<!-- \/configuration -->/.exec(readme)?.[1] ?? '';
  return table
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim()));
};

const defaultOf = (name: keyof Environment): unknown => Environment.shape[name].safeParse(undefined).data;

describe('the configuration table in README.md (after a change: `node scripts/config-table.mjs --write`)', () => {
  it('names every variable once, in the order of the schema', () => {
    expect(rows().map(([variable]) => variable)).toEqual(Object.keys(Environment.shape).map((name) => `\`${name}\``));
  });

  it.each(Object.keys(Environment.shape) as Array<keyof Environment>)('tells the default of %s, and what it is', (name) => {
    const [, shown, description] = rows().find(([variable]) => variable === `\`${name}\``) ?? [];
    const value = defaultOf(name);

    expect(shown?.replace(/ \(.*\)$/, '')).toBe(value === undefined ? '' : `\`${String(value)}\``);
    expect(description?.replaceAll('&lt;', '<')).toBe(Environment.shape[name].description);
    expect(description).toMatch(/\w/);
  });
});
