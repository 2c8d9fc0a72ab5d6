import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { plot } from './plot';
import { policyCalled } from './policies';
import { readSeries, UnusableSeries } from './series-file';
import { tryOut } from './trial';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'replay-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
/** Two hours with a hill in the middle. */
const hill = () => file('hill.csv', `timestamp,value\n${Array.from({ length: 120 }, (_, minute) => `${new Date(minute * 60_000).toISOString()},${minute > 40 && minute < 70 ? 100 : 60}`).join('\n')}\n`);

it('compares whole policies on one series by cost, breaches and switches', () => {
  const series = readSeries(hill());
  const [calm, nervous] = ['default', 'nervous'].map((name) => tryOut(policyCalled(name), series, 'memory'));

  expect(calm!.switches).toBeGreaterThanOrEqual(2);
  expect(calm!.cost).toBeGreaterThan(0.4);
  expect(nervous!.cost).toBeLessThan(calm!.cost);
  const svg = plot('hill', [calm!, nervous!], 'memory');
  expect(svg).toMatch(/^<svg[\s\S]*default: cost [\d.]+ h, breaches [\d.]+ %, switches \d+[\s\S]*<\/svg>\n$/);
  expect(svg).not.toMatch(/NaN|undefined/);
});

it('does the same with requests, with the load alone as the measure', () => {
  const trial = tryOut(policyCalled('a'), readSeries(hill()), 'requests');

  expect(trial.switches).toBeGreaterThan(0);
  expect(trial.cost).toBeGreaterThan(2);
});

it('takes a policy from a file, and says what is wrong with one', () => {
  expect(policyCalled(file('mine.json', '{"disableAtPercent":70,"load":{"busyPercent":40}}'))).toMatchObject({ name: 'mine', policy: { disableAtPercent: 70, restoreAtPercent: 65, load: { busyPercent: 40, spikeFactor: 2 } } });
  expect(() => policyCalled(file('wrong.json', '{"disbaleAtPercent":70}'))).toThrow(/disbaleAtPercent/);
  expect(() => policyCalled('nobody')).toThrow(/There is no policy "nobody", neither a file nor one of these:\n {2}default/);
});

it('reads CSV and JSON, in seconds, milliseconds or as people write times', () => {
  const rows = Array.from({ length: 12 }, (_, n) => n);
  const at = (series: ReturnType<typeof readSeries>) => [series.everyMs, series.points[0]!.at];

  expect(at(readSeries(file('a.csv', `time,value\n${rows.map((n) => `1998-05-01 00:0${Math.floor(n / 6)}:${String((n % 6) * 10).padStart(2, '0')},${n}`).join('\n')}`)))).toEqual([10_000, Date.UTC(1998, 4, 1)]);
  expect(at(readSeries(file('b.csv', rows.map((n) => `${1_700_000_000 + n * 60},1`).join('\n'))))).toEqual([60_000, 1_700_000_000_000]);
  expect(at(readSeries(file('c.json', JSON.stringify(rows.map((n) => ({ at: n * 5_000, value: n }))))))).toEqual([5_000, 0]);
  expect(() => readSeries(file('d.csv', 'a,b\n1,2\n'))).toThrow(UnusableSeries);
});
