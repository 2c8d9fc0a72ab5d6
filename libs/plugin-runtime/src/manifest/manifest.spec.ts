import { checkPluginConfig } from './config-check';
import { manifestOf } from '../testing/plugin-tree';
import { parseManifest } from './parse-manifest';

const problems = (manifest: unknown) => {
  const parsed = parseManifest(typeof manifest === 'string' ? manifest : JSON.stringify(manifest));
  return parsed !== undefined && 'problems' in parsed ? parsed.problems : [];
};

it('fills in what an author leaves out: nothing is permitted, and it is loaded when it is needed', () => {
  const parsed = parseManifest(JSON.stringify(manifestOf('telegram')));

  expect(parsed).toEqual({
    manifest: {
      name: 'telegram', version: '1.0.0',
      conductor: {
        apiVersion: 1, platforms: ['telegram'], entry: 'index.js', dependsOn: {}, provides: [], needs: [], config: {}, load: 'lazy',
        permissions: { net: [], fs: { read: [], write: [] }, secrets: [], childProcess: false, workers: false, addons: false, wasi: false, inspector: false },
        concurrency: 10, instances: 1, memoryMb: 256, requestTimeoutMs: 5_000, attempts: 3, exclusive: false, repeatable: false,
      },
    },
  });
});

it.each<[string, Record<string, unknown>, string, RegExp]>([
  ['an unknown field', { permisions: {} }, 'conductor', /unknown field "permisions"; allowed are apiVersion, platforms, entry/],
  ['an unknown permission', { permissions: { root: true } }, 'conductor.permissions', /unknown field "root"; allowed are net, fs, secrets/],
  ['another version of the interface', { apiVersion: 2 }, 'conductor.apiVersion', /must be 1/],
  ['no platform', { platforms: [] }, 'conductor.platforms', /1/],
  ['a platform name in capitals', { platforms: ['Telegram'] }, 'conductor.platforms[0]', /platform name must match/],
  ['a platform named twice', { platforms: ['a', 'a'] }, 'conductor.platforms', /twice/],
  ['a wrong range', { dependsOn: { other: 'latest' } }, 'conductor.dependsOn.other', /range of versions.*\^1\.2\.0/],
  ['a dependency that is no package name', { dependsOn: { 'No Such': '^1.0.0' } }, 'conductor.dependsOn["No Such"]', /./],
  ['itself as a dependency', { dependsOn: { telegram: '*' } }, 'conductor.dependsOn.telegram', /itself/],
  ['a host with its scheme', { permissions: { net: ['https://api.telegram.org'] } }, 'conductor.permissions.net[0]', /must be a host in lower case/],
  ['every host', { permissions: { net: ['*'] } }, 'conductor.permissions.net[0]', /must be a host/],
  ['a path that climbs', { permissions: { fs: { read: ['/srv/../etc'] } } }, 'conductor.permissions.fs.read[0]', /absolute path/],
  ['the whole disk', { permissions: { fs: { write: ['/'] } } }, 'conductor.permissions.fs.write[0]', /not the root/],
  ['a secret that looks like no environment variable', { permissions: { secrets: ['token'] } }, 'conductor.permissions.secrets[0]', /capitals/],
  ['memory as text', { memoryMb: '256' }, 'conductor.memoryMb', /number/],
  ['more concurrency than there can be', { concurrency: 100_000 }, 'conductor.concurrency', /1000/],
  ['several instances of what can be there only once', { exclusive: true, instances: 2 }, 'conductor.instances', /exclusive/],
])('%s is refused, and the field is named', (_, conductor, field, message) => {
  expect(problems(manifestOf('telegram', '1.0.0', conductor))).toEqual([{ field, message: expect.stringMatching(message) }]);
});

it.each([
  ['../../evil', '1.0.0', 'name'],
  ['Telegram', '1.0.0', 'name'],
  ['telegram', '1.0', 'version'],
  ['telegram', 'v1.0.0', 'version'],
])('%s %s is refused by its %s', (name, version, field) => {
  expect(problems({ ...manifestOf('telegram'), name, version })).toEqual([expect.objectContaining({ field })]);
});

it.each(['{"name":"x","conductor":{"__proto__":{"load":"eager"}}}', '{"name":"x","conductor":{"config":{"properties":{"__proto__":{}}}}}'])('a hidden __proto__ is refused: %s', (text) => {
  expect(problems(text)).toEqual([{ field: expect.stringContaining('__proto__'), message: expect.stringContaining('not allowed') }]);
  expect(({} as { load?: string }).load).toBeUndefined();
});

it.each(['', '{', '[]', 'null', '"text"', '{"name":"x","conductor":null}', '{"name":"x","conductor":[]}'])('what is no manifest at all is refused: %s', (text) => {
  expect(problems(text).length).toBeGreaterThan(0);
});

it('a package without "conductor" is no plugin, and nothing is wrong with it', () => {
  expect(parseManifest('{"name":"left-pad","version":"1.3.0"}')).toBeUndefined();
});

it('lists the first twenty of many problems', () => {
  const found = problems(manifestOf('telegram', '1.0.0', { permissions: { net: Array.from({ length: 60 }, (__, n) => `http://${n}`) } }));

  expect(found).toHaveLength(21);
  expect(found[20]).toEqual({ field: '', message: '… and 40 more' });
});

describe('the configuration of a plugin', () => {
  const schema = { type: 'object', required: ['url'], additionalProperties: false, properties: { url: { type: 'string', format: 'uri' }, retries: { type: 'integer', default: 3 }, name: { type: 'string', pattern: '^(a+)+$' } } };

  it('is completed with the defaults of its schema', () => {
    const given = { url: 'https://example.org/' };

    expect(checkPluginConfig(schema, given)).toEqual({ ok: true, config: { url: 'https://example.org/', retries: 3 } });
    expect(given).toEqual({ url: 'https://example.org/' });
  });

  it('is refused with the fields that are wrong, never with their values', () => {
    const checked = checkPluginConfig(schema, { url: 'not-an-address', retries: 'secret-value', color: 1 });

    expect(checked).toMatchObject({ ok: false, problems: expect.arrayContaining([expect.stringContaining('retries must be integer'), expect.stringContaining('"color"'), expect.stringContaining('url must match format')]) });
    expect(JSON.stringify(checked)).not.toContain('secret-value');
  });

  it('is checked in bounded time, whatever pattern an author wrote', () => {
    expect(checkPluginConfig(schema, { url: 'https://example.org/', name: `${'a'.repeat(50_000)}!` })).toMatchObject({ ok: false });
  });

  it('is refused when its schema refers to what is not there', () => {
    expect(checkPluginConfig({ $ref: 'https://example.org/schema.json' }, {})).toMatchObject({ ok: false, problems: [expect.stringContaining('schema itself')] });
  });
});
