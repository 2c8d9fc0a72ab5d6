import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openGrantedPaths } from './granted-paths';
import { ask, SandboxStage } from './testing/sandbox-stage';
import type { SandboxedPlatform } from './sandboxed-platform';

/** Folders of others that a plugin was granted, and what becomes of them later. */
let stage: SandboxStage;
beforeAll(async () => (stage = await SandboxStage.open()));
afterAll(() => stage.close());

const BODY = `async handleRequest({ content: { does, from, to } }) {
  const fs = require('node:fs');
  try {
    if (does === 'read') return { got: fs.readFileSync(from, 'utf8') };
    if (does === 'write') return { got: fs.writeFileSync(from, 'changed') ?? 'written' };
    if (does === 'link') return { got: fs.linkSync(from, to) ?? 'linked' };
    if (does === 'symlink') return { got: fs.symlinkSync(from, to) ?? fs.readFileSync(to, 'utf8') };
    if (does === 'rename') return { got: fs.renameSync(from, to) ?? 'renamed' };
  } catch (error) { return { refused: error.code }; }
}`;

let folders = 0;
/** A folder with `given` in it, one of secrets beside it, and a plugin that may read, or write, the former. */
const granted = async (...access: Array<'read' | 'write'>) => {
  const place = join(stage.folder, `place-${++folders}`);
  const [given, secrets] = [join(place, 'given'), join(place, 'secrets')];
  for (const folder of [place, given, secrets]) mkdirSync(folder);
  chmodSync(given, 0o777);
  writeFileSync(join(given, 'file'), 'given');
  writeFileSync(join(secrets, 'file'), 'secret');
  const fs = Object.fromEntries(access.map((one) => [one, [given]]));
  const spec = await stage.plugin(BODY, { settings: { permissions: { fs } } });
  return { place, given, secrets, spec };
};
const health = (platform: SandboxedPlatform) => platform.healthCheck(AbortSignal.timeout(5_000));
const isEnclosed = () => stage.sandbox.means.enclosed || (console.warn('No file system of its own can be made here: this is not tried.'), false);

it('a plugin reads what it was granted, and nothing beside it', async () => {
  const { given, secrets, spec } = await granted('read');
  const platform = await stage.start(spec);
  expect(await ask(platform, { does: 'read', from: join(given, 'file') })).toEqual({ got: 'given' });
  expect(await ask(platform, { does: 'write', from: join(given, 'file') })).toEqual({ refused: expect.any(String) });
  expect(await ask(platform, { does: 'read', from: join(secrets, 'file') })).toEqual({ refused: expect.any(String) });
});

it.each<[what: string, swap: (places: { place: string; given: string; secrets: string }) => void]>([
  ['the folder itself', ({ given, secrets }) => (renameSync(given, `${given}-old`), symlinkSync(secrets, given))],
  ['the folder itself, by a relative link', ({ given }) => (renameSync(given, `${given}-old`), symlinkSync('secrets', given))],
  ['the folder around it', ({ place }) => (renameSync(place, `${place}-old`), symlinkSync(`${place}-old`, place))],
])('does not start when %s has become a symbolic link since, and says so', async (_, swap) => {
  const { place, given, secrets, spec } = await granted('read');
  swap({ place, given, secrets });
  const platform = await stage.start(spec);
  expect(await ask(platform, { does: 'read', from: join(given, 'file') })).toMatchObject({ message: expect.stringContaining('leads through the symbolic link') });
  expect(await health(platform)).toMatchObject({ status: 'needs-attention', reason: expect.stringMatching(/^the granted path \S+ leads through the symbolic link \S+ to \S+, which was not granted/) });
  expect(platform.incidents.list()).toContainEqual(expect.objectContaining({ kind: 'files' }));
});

it('a folder that is swapped while the plugin runs stays the one that it was', async () => {
  if (!isEnclosed()) return;
  const { given, secrets, spec } = await granted('read');
  const platform = await stage.start(spec);
  expect(await ask(platform, { does: 'read', from: join(given, 'file') })).toEqual({ got: 'given' });
  renameSync(given, `${given}-old`);
  symlinkSync(secrets, given);
  expect(await ask(platform, { does: 'read', from: join(given, 'file') })).toEqual({ got: 'given' });
});

it('a symbolic link that is made in a granted folder later leads nowhere', async () => {
  if (!isEnclosed()) return;
  const { given, secrets, spec } = await granted('read', 'write');
  const platform = await stage.start(spec);
  symlinkSync(secrets, join(given, 'out'));
  symlinkSync('../secrets/file', join(given, 'relative'));
  symlinkSync('/etc/passwd', join(given, 'passwd'));
  for (const name of ['out/file', 'relative', 'passwd']) {
    expect([name, await ask(platform, { does: 'read', from: join(given, name) })]).toEqual([name, { refused: expect.stringMatching(/ENOENT|ERR_ACCESS_DENIED/) }]);
    expect([name, await ask(platform, { does: 'write', from: join(given, name) })]).toEqual([name, { refused: expect.stringMatching(/ENOENT|ERR_ACCESS_DENIED/) }]);
  }
  expect(readFileSync(join(secrets, 'file'), 'utf8')).toBe('secret');
});

it('a plugin gets no further by links of its own, hard or symbolic, nor by renaming', async () => {
  if (!isEnclosed()) return;
  const { given, secrets, spec } = await granted('read');
  const platform = await stage.start(spec);
  for (const attempt of [
    { does: 'link', from: join(given, 'file'), to: 'hard' },
    { does: 'link', from: join(secrets, 'file'), to: 'hard' },
    { does: 'symlink', from: join(secrets, 'file'), to: 'soft' },
    { does: 'symlink', from: '/etc/passwd', to: 'soft' },
    { does: 'rename', from: join(given, 'file'), to: 'mine' },
  ]) expect([attempt, await ask(platform, attempt)]).toEqual([attempt, { refused: expect.any(String) }]);
  expect(readFileSync(join(given, 'file'), 'utf8')).toBe('given');
});

it('what was looked at and what is mounted are the same, or nothing starts', async () => {
  if (!isEnclosed()) return;
  const { given, secrets } = await granted('read');
  const [one] = await openGrantedPaths([given]);
  const { tools } = stage.sandbox.means;
  const root = join(stage.folder, 'mounted');
  mkdirSync(root, { recursive: true });
  const namespace = [tools.unshare!, ...(stage.sandbox.means.namespaces === 'user' ? ['--map-root-user'] : []), '--mount', '--pid', '--fork', '--', tools.sh!, join(__dirname, 'walls', 'enclose.sh'), root];
  const mount = (source: string) => execFileSync(namespace[0]!, [...namespace.slice(1), `id:${one!.identity}:${source}`, `ro:${given}`, '--', '/none'], { stdio: 'pipe' });
  // As if it had been swapped between the two.
  expect(() => mount(secrets)).toThrow(/is not what it was when it was looked at/);
  expect(() => mount(given)).toThrow(/none/);
});

it('what is not there is left out, and links of the system are followed', async () => {
  expect(await openGrantedPaths([join(stage.folder, 'nothing', 'here')])).toEqual([]);
  expect((await openGrantedPaths([`${stage.folder}/`])).map(({ path, source }) => [path, source])).toEqual([[stage.folder, stage.folder]]);
});
