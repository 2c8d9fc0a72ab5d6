import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PluginCatalogue, type Release, resolve, type Wanted } from '@conductor/plugin-runtime';
import type { Result } from './support/report';

const PLUGINS = 500;
const VERSIONS = 6;
const ROUNDS = 7;

/** Finding 500 plugins, and choosing versions among them. No code of a plugin runs in either. */
export const plugins = async (): Promise<Result[]> => [await discovery(), resolution()];

const discovery = async (): Promise<Result> => {
  const home = mkdtempSync(join(tmpdir(), 'conductor-bench-'));
  try {
    for (let n = 0; n < PLUGINS; n++) writePlugin(join(home, 'plugins', `plugin-${n}`), n);
    const open = (cacheFile: string) => PluginCatalogue.open({ folders: [join(home, 'plugins')], nodeModules: [], cacheFile });
    const measured: Record<'cold' | 'warm', number[]> = { cold: [], warm: [] };
    for (let round = 0; round < ROUNDS; round++) {
      const cacheFile = join(home, `cache-${round}.json`);
      for (const kind of ['cold', 'warm'] as const) {
        const startedAt = performance.now();
        const catalogue = await open(cacheFile);
        measured[kind].push(performance.now() - startedAt);
        if (catalogue.valid.length !== PLUGINS) throw new Error(`${catalogue.valid.length} of ${PLUGINS} plugins were found`);
        await catalogue.close();
      }
    }
    const row = (name: string, values: number[]) => [name, values[0]!.toFixed(0), median(values).toFixed(0), Math.max(...values).toFixed(0)];
    return {
      title: `Discovery of ${PLUGINS} plugins`,
      note: 'Milliseconds to list all plugins of a folder. Cold: no cache file, every manifest is read and checked; the first round also loads and compiles. Warm: a new start with the cache of the last one. Goals: cold 1,000, warm 200.',
      columns: ['start', 'first round', 'median', 'most'],
      rows: [row('cold', measured.cold), row('warm', measured.warm)],
    };
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
};

const writePlugin = (folder: string, n: number) => {
  mkdirSync(folder, { recursive: true });
  const conductor = {
    apiVersion: 1, platforms: [`platform-${n}`], entry: 'index.js', dependsOn: n > 0 ? { [`plugin-${n - 1}`]: '^1.0.0' } : {},
    permissions: { net: [`host-${n}.example.org`], secrets: ['TOKEN'] },
    config: { type: 'object', properties: { url: { type: 'string', format: 'uri' }, retries: { type: 'integer', default: 3 } } },
  };
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: `plugin-${n}`, version: `1.0.${n}`, conductor }, null, 2));
  writeFileSync(join(folder, 'index.js'), 'module.exports = {};');
};

const resolution = (): Result => ({
  title: 'Resolution',
  note: 'Milliseconds to choose versions, or to prove that none go together; the median of some runs. Steps are rules looked at; beyond 3,000,000 the solver says that it gave up.',
  columns: ['what', 'outcome', 'ms', 'steps'],
  rows: [
    measure(`${PLUGINS} plugins, ${VERSIONS} versions each, 3 dependencies`, ...realistic()),
    measure('the same, and one that fits nowhere', ...impossible()),
    measure('30 layers of 10 versions, of which only the oldest go together', ...layers(30, 10)),
    measure('8 that want one of 7 places each (proofs grow exponentially)', ...pigeons(8)),
    measure('12 that want one of 11 places each', ...pigeons(12)),
  ],
});

const measure = (what: string, wanted: Wanted[], available: Release[]): Array<string | number> => {
  const times: number[] = [];
  let last = resolve(wanted, available);
  for (let round = 0; round < (last.steps > 1_000_000 ? 1 : ROUNDS); round++) {
    const startedAt = performance.now();
    last = resolve(wanted, available);
    times.push(performance.now() - startedAt);
  }
  return [what, last.ok ? `${last.plugins.length} chosen` : last.code, median(times).toFixed(1), last.steps];
};

const release = (name: string, version: string, dependsOn: Record<string, string> = {}): Release => ({ name, version, dependsOn });

/** Each version n of a plugin asks for three others in versions near n. */
const realistic = (): [Wanted[], Release[]] => {
  const available = Array.from({ length: PLUGINS }, (_, n) =>
    Array.from({ length: VERSIONS }, (__, version) => {
      const others = [1, 7, 31].map((step) => n + step).filter((other) => other < PLUGINS);
      return release(`p${n}`, `1.${version}.0`, Object.fromEntries(others.map((other) => [`p${other}`, `>=1.${Math.max(0, version - 2)}.0 <=1.${version}.0`])));
    }),
  ).flat();
  return [Array.from({ length: 20 }, (_, n) => ({ name: `p${n * 20}`, range: '*' })), available];
};

const impossible = (): [Wanted[], Release[]] => {
  const [wanted, available] = realistic();
  return [[...wanted, { name: 'odd', range: '*' }], [...available, release('odd', '1.0.0', { p450: '1.0.0', p460: '1.5.0', p491: '>9' })]];
};

/** Who tries the newest first and goes back one step at a time visits 10^30 combinations. */
const layers = (depth: number, versions: number): [Wanted[], Release[]] => {
  const available = Array.from({ length: depth }, (_, n) => Array.from({ length: versions }, (__, v) => release(`l${n}`, `${v + 1}.0.0`, n + 1 < depth ? { [`l${n + 1}`]: `<=${v + 1}.0.0`, base: `^${v + 1}.0.0` } : { base: `^${v + 1}.0.0` }))).flat();
  return [[{ name: 'l0', range: '*' }], [...available, release('base', '1.0.0')]];
};

const pigeons = (count: number): [Wanted[], Release[]] => {
  const birds = Array.from({ length: count }, (_, n) => Array.from({ length: count - 1 }, (__, hole) => release(`bird${n}`, `${hole + 1}.0.0`, { [`hole${hole}`]: `${n + 1}.0.0` }))).flat();
  const holes = Array.from({ length: count - 1 }, (_, hole) => Array.from({ length: count }, (__, n) => release(`hole${hole}`, `${n + 1}.0.0`))).flat();
  return [Array.from({ length: count }, (_, n) => ({ name: `bird${n}`, range: '*' })), [...birds, ...holes]];
};

const median = (values: number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
