import { fork, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { node24 } from './lib/machine.mjs';
import { prepare } from './lib/prepare.mjs';
import { main, Problem, visible } from './lib/problem.mjs';
import { inProject } from './lib/project.mjs';

/** A contract test or a plugin's own tests that take longer hang. */
const LONGEST_MS = 300_000;

const say = (verdict, what, detail = '') => console.log(visible(`  ${verdict.padEnd(5)} ${what.padEnd(9)} ${detail}`));

/** The process of a plugin under test: what it wrote, what it sent, how it ended. */
const ended = (child) =>
  new Promise((done) => {
    let output = '';
    let message;
    const timer = setTimeout(() => child.kill('SIGKILL'), LONGEST_MS);
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output = (output + text).slice(-20_000)));
    child.on('message', (sent) => (message = sent));
    child.once('close', (code, signal) => (clearTimeout(timer), done({ code, signal, output, message })));
  });

const checkManifest = ({ readPluginFolder }, folder) => readPluginFolder(folder).then((candidate) => {
  if (candidate?.state === 'valid') {
    say('ok', 'manifest', `${candidate.name} ${candidate.version}, platforms: ${candidate.manifest.conductor.platforms.join(', ')}`);
    return candidate;
  }
  for (const { field, message } of candidate?.problems ?? [{ field: '', message: 'it is no plugin: package.json has no "conductor"' }]) say('FAIL', 'manifest', `${field && `${field}: `}${message}`);
  return undefined;
});

const checkCode = async ({ fingerprint, listTree, PluginRefused, scanPlugin }, { folder, manifest }) => {
  try {
    const tree = await listTree(folder);
    const { integrity, bytes } = await fingerprint(folder);
    say('ok', 'files', `${tree.length} files, ${bytes} bytes, ${integrity}`);
    const { files, findings, imports, incomplete } = await scanPlugin(folder, tree, manifest.conductor.permissions);
    const bad = findings.filter(({ severity }) => severity === 'critical');
    for (const { severity, file, line, message } of findings) say(severity === 'critical' ? 'FAIL' : 'look', 'code', `${file}${line ? `:${line}` : ''} ${message}`);
    if (incomplete) say('FAIL', 'code', incomplete);
    if (bad.length === 0 && !incomplete) say('ok', 'code', `${files} files read; imports ${imports.filter((name) => !name.startsWith('.')).join(', ') || 'nothing'}`);
    return bad.length === 0 && !incomplete;
  } catch (error) {
    if (!(error instanceof PluginRefused)) throw error;
    say('FAIL', 'files', error.message);
    return false;
  }
};

const checkContract = async ({ folder, manifest }) => {
  const child = fork(inProject('scripts', 'lib', 'plugin-contract.mjs'), [folder, JSON.stringify(manifest)], { execPath: node24(), cwd: folder, env: environment(), stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  const { message, output, code, signal } = await ended(child);
  if (message === undefined) {
    say('FAIL', 'contract', `the test ended before it was done (${signal ?? `exit code ${code}`})\n${output.trim()}`);
    return false;
  }
  for (const { platform, breaches } of message) {
    if (breaches.length === 0) say('ok', 'contract', `${platform} keeps it`);
    for (const { rule, found } of breaches) say('FAIL', 'contract', `${platform}: ${rule}. Found: ${found}`);
  }
  return message.every(({ breaches }) => breaches.length === 0);
};

const runOwnTests = async ({ folder }) => {
  const own = existsSync(join(folder, 'test')) ? readdirSync(join(folder, 'test'), { recursive: true }).map(String).filter((file) => /\.test\.[cm]?js$/.test(file)) : [];
  if (own.length === 0) return say('look', 'tests', 'it has none (test/*.test.js)') ?? true;
  const hook = pathToFileURL(inProject('scripts', 'lib', 'plugin-kit-hook.mjs')).href;
  const child = spawn(node24(), ['--import', hook, '--test', ...own.map((file) => join('test', file))], { cwd: folder, env: environment(), stdio: ['ignore', 'pipe', 'pipe'] });
  const { code, output } = await ended(child);
  const count = (what) => new RegExp(`^(?:#|ℹ) ${what} (\\d+)`, 'm').exec(output)?.[1] ?? '?';
  if (code === 0) say('ok', 'tests', `${count('pass')} passed`);
  else say('FAIL', 'tests', `${count('fail')} of ${count('tests')} failed\n${output.trim()}`);
  return code === 0;
};

/** Nothing of ours that a plugin's test could come to rely on. */
const environment = () => ({ PATH: process.env.PATH, HOME: process.env.HOME, TMPDIR: process.env.TMPDIR ?? '' });

const asks = ({ net, fs, secrets, ...switches }) => {
  const list = [...net.map((host) => `the host ${host}`), ...secrets.map((name) => `the secret ${name}`), ...fs.read.map((path) => `reading ${path}`), ...fs.write.map((path) => `writing ${path}`), ...Object.entries(switches).filter(([, asked]) => asked).map(([name]) => name)];
  return list.join(', ') || 'nothing';
};

/** `npm run plugin:test -- <folder>`: everything that can be known of a plugin before somebody approves it. */
await main(async () => {
  const [argument] = process.argv.slice(2);
  if (argument === undefined) throw new Problem('Usage: npm run plugin:test -- <folder>');
  const folder = resolve(process.env.INIT_CWD ?? '.', argument);
  if (!existsSync(folder)) throw new Problem(`There is no folder ${folder}.`);
  await prepare();
  const runtime = createRequire(import.meta.url)(inProject('dist', 'libs', 'plugin-runtime', 'src'));
  console.log(visible(basename(folder)));
  const plugin = await checkManifest(runtime, folder);
  if (plugin === undefined) return 1;
  const results = [await checkCode(runtime, plugin), await checkContract(plugin), await runOwnTests(plugin)];
  console.log(visible(`  It asks for ${asks(plugin.manifest.conductor.permissions)}.`));
  const passed = results.every(Boolean);
  console.log(passed ? '\nIt can be approved.' : '\nIt is not ready; see above.');
  return passed ? 0 : 1;
});
