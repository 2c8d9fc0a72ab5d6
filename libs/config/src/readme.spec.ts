import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import { environmentOf, findApps } from './index';

const SETTINGS: Readonly<Record<string, z.ZodType>> = environmentOf(findApps()).shape;

/** Rows of the table in README.md: variable, default and description. */
const rows = (): string[][] => {
  const readme = readFileSync(join(__dirname, '..', '..', '..', 'README.md'), 'utf8');
  const table = /<!-- configuration: [^\n]*-->\n([^]*?)<!-- \/configuration -->/.exec(readme)?.[1] ?? '';
  return table
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim()));
};

describe('the configuration table in README.md (after a change: `npm run renew`)', () => {
  it('names every variable once, those of each app too, in the order of the schema', () => {
    expect(rows().map(([variable]) => variable)).toEqual(Object.keys(SETTINGS).map((name) => `\`${name}\``));
  });

  it.each(Object.entries(SETTINGS))('tells the default of %s, and what it is', (name, setting) => {
    const [, shown, description] = rows().find(([variable]) => variable === `\`${name}\``) ?? [];
    const value = setting.safeParse(undefined).data;

    expect(shown?.replace(/ \(.*\)$/, '')).toBe(value === undefined ? '' : `\`${String(value)}\``);
    expect(description?.replaceAll('&lt;', '<')).toBe(setting.description);
    expect(description).toMatch(/\w/);
  });
});
