import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fingerprint } from './approval/file-tree';
import { signatureOf } from './approval/signature';
import { manifestOf, PluginTree, SHOUTING_ENTRY } from './testing/plugin-tree';

jest.setTimeout(120_000);

/** The commands that an author uses, as they are typed. They run on what was built, and build it first if need be. */
const ROOT = join(__dirname, '..', '..', '..');

const run = async (script: string, ...args: string[]): Promise<{ code: number; output: string }> => {
  const child = spawn(process.execPath, [join(ROOT, 'scripts', script), ...args], { cwd: ROOT, env: { ...process.env, NODE_OPTIONS: '' }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const [code] = (await once(child, 'close')) as [number];
  return { code, output };
};

let tree: PluginTree;
beforeEach(() => (tree = new PluginTree()));
afterEach(() => tree.remove());

it('plugin:new writes a plugin that passes plugin:test, and will not write over one', async () => {
  const made = await run('plugin-new.mjs', '@acme/parrot', tree.path('parrot'));

  expect(made).toMatchObject({ code: 0, output: expect.stringContaining('npm run plugin:test') });
  expect(existsSync(tree.path('parrot/node_modules/@conductor/platform-kit/index.d.ts'))).toBe(true);
  const named = made.output.split('\n').flatMap((line) => /^ {2}(\S+)$/.exec(line)?.[1] ?? []);
  expect(named.sort()).toEqual(readdirSync(tree.path('parrot'), { recursive: true, encoding: 'utf8' }).filter((file) => statSync(tree.path('parrot', file)).isFile()).sort());
  const tested = await run('plugin-test.mjs', tree.path('parrot'));
  expect(tested.output).toMatch(/ok +manifest +@acme\/parrot 1\.0\.0[^]*ok +code[^]*ok +contract +parrot keeps it[^]*ok +tests +3 passed[^]*It asks for nothing\.[^]*It can be approved\./);
  expect(tested.code).toBe(0);
  expect(await run('plugin-new.mjs', '@acme/parrot', tree.path('parrot'))).toMatchObject({ code: 1, output: expect.stringContaining('is there already') });
});

it.each(['', 'Parrot', '../parrot', 'a/b/c'])('plugin:new refuses the name "%s"', async (name) => {
  expect(await run('plugin-new.mjs', name, tree.path('parrot'))).toMatchObject({ code: 1, output: expect.stringContaining('Usage') });
});

it.each(['telegram', 'webhook'])('the example %s passes plugin:test', async (name) => {
  const { code, output } = await run('plugin-test.mjs', join(ROOT, 'examples', 'plugins', name));

  expect(output).toMatch(/It can be approved\./);
  expect(code).toBe(0);
});

it('plugin:test says what is wrong with a plugin, and fails', async () => {
  tree.plugin('wrong', manifestOf('wrong', '1.0.0', { colour: 'red' }));
  expect(await run('plugin-test.mjs', tree.path('wrong'))).toMatchObject({ code: 1, output: expect.stringMatching(/FAIL +manifest +conductor: unknown field "colour"/) });

  const entry = SHOUTING_ENTRY.replace('async shutdown() {}', 'async shutdown() { setInterval(() => {}, 1000); }').replaceAll('shouting', 'sloppy');
  tree.plugin('sloppy', manifestOf('sloppy'), { 'index.js': `require('node:child_process');\n${entry}`, 'test/own.test.js': 'require("node:test").test("fails", () => { throw new Error("as it should"); });' });
  const { code, output } = await run('plugin-test.mjs', tree.path('sloppy'));
  expect(output).toMatch(/FAIL +code +index\.js:1 imports node:child_process/);
  expect(output).toMatch(/FAIL +contract +sloppy: nothing is left open after shutdown\(\)\. Found: a timer/);
  expect(output).toMatch(/FAIL +tests +1 of 1 failed/);
  expect(code).toBe(1);
});

it('plugin:test survives a plugin that ends its process', async () => {
  tree.plugin('rude', manifestOf('rude'), { 'index.js': 'process.exit(0);' });

  expect(await run('plugin-test.mjs', tree.path('rude'))).toMatchObject({ code: 1, output: expect.stringMatching(/FAIL +contract +the test ended before it was done \(exit code 0\)/) });
});

it('plugin:sign writes a signature that its key vouches for', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const folder = tree.plugin('signed', manifestOf('signed'));

  expect(await run('plugin-sign.mjs', folder, tree.write('key.pem', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()))).toMatchObject({ code: 0 });
  expect(await signatureOf(folder, (await fingerprint(folder)).integrity, { mine: publicKey.export({ type: 'spki', format: 'pem' }).toString() })).toEqual({ state: 'valid', key: 'mine' });
});

it('plugin:resolve-cases judges the solver by a folder of cases', async () => {
  tree.write('index/small.json', { a: [{ name: 'a', version: '1.0', dependencies: { b: '~> 1.0' } }], b: [{ name: 'b', version: '1.2.0.1', dependencies: {} }, { name: 'b', version: '2.0', dependencies: [] }] });
  tree.write('case/right.json', { name: 'right', index: 'small', requested: { a: '>= 0' }, base: [], resolved: [{ name: 'a', version: '1.0', dependencies: [{ name: 'b', version: '1.2.0.1', dependencies: [] }] }], conflicts: [] });
  tree.write('case/refused.json', { name: 'refused', index: 'small', requested: { a: '', b: '~> 2.0' }, base: [], resolved: [], conflicts: ['b'] });
  expect(await run('plugin-resolve-cases.mjs', tree.root)).toMatchObject({ code: 0, output: expect.stringContaining('2 as expected, 0 with other versions that also hold, 0 wrong, 0 not run') });

  tree.write('case/wrong.json', { name: 'wrong', index: 'small', requested: { a: '' }, resolved: [], conflicts: ['a'] });
  expect(await run('plugin-resolve-cases.mjs', tree.root)).toMatchObject({ code: 1, output: expect.stringContaining('1 wrong') });
});

it('docs/plugins.md shows the manifest’s fields as they are', () => {
  const text = readFileSync(join(ROOT, 'docs', 'plugins.md'), 'utf8');

  for (const field of ['apiVersion', 'platforms', 'entry', 'dependsOn', 'provides', 'needs', 'config', 'permissions', 'load', 'concurrency', 'instances', 'memoryMb', 'requestTimeoutMs', 'attempts', 'exclusive', 'repeatable', 'idleUnloadMs']) expect(text).toContain(`\`${field}\``);
});
