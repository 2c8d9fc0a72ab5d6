import type { SandboxedPlatform } from '@conductor/plugin-runtime';
import { until } from '@conductor/testing';
import { ask, SandboxStage } from '../../libs/plugin-runtime/src/sandbox/testing/sandbox-stage';
import { SILENCERS } from './silencers';

let stage: SandboxStage;
beforeAll(async () => (stage = await SandboxStage.open({ quarantineAfter: 1_000 })));
afterAll(() => stage.close());

/** Takes hold of what it will try, makes sure that nobody hears of it, then tries. What it reached it would write on standard output. */
const SNEAKY = `async handleRequest({ content }) {
  const fs = require('node:fs'), { Worker } = require('node:worker_threads'), { createRequire } = require('node:module');
  const self = process, own = __filename, AsyncFunction = Object.getPrototypeOf(async () => {}).constructor, write = fs.writeSync;
  const silence = new AsyncFunction('require', 'module', content.silence);
  const tries = [
    () => fs.readFileSync('/etc/passwd'),
    () => self.execve('/bin/true', ['true'], {}),
    () => new Worker('', { eval: true }),
    () => self._kill(2, 0),
    () => self.binding('fs').open,
    () => { if (!self.getBuiltinModule('node:sqlite')) throw new Error('none'); },
    () => createRequire(own)('node:sqlite'),
  ];
  await silence(require, module).catch(() => {});
  for (let at = 0; at < tries.length; at++) { try { tries[at](); write(1, 'reached ' + at + '\\n'); } catch {} }
  return {};
}`;
const REPORTED = [/FileSystemRead \/etc\/passwd/, /ChildProcess/, /WorkerThreads/, /Process kill/, /Process binding/, /Module node:sqlite/];

const details = (platform: SandboxedPlatform) => platform.incidents.list().map(({ kind, detail }) => `${kind}: ${detail}`).join('\n');

it.each(SILENCERS)('a plugin that first $name is reported all the same, attempt by attempt', async ({ code }) => {
  const platform = await stage.start(await stage.plugin(SNEAKY));
  await platform.generation!.load();
  const asked = ask(platform, { silence: code }, 3_000);

  await until(() => {
    for (const reported of REPORTED) expect(details(platform)).toMatch(reported);
  });
  await platform.shutdown();
  await asked;
  expect(platform.output.list().lines.map(({ text }) => text).filter((text) => text.startsWith('reached'))).toEqual([]);
});

const inOne = async (code: string, net: string[] = []) => {
  const platform = await stage.start(await stage.plugin(`async handleRequest() { ${code} }`, { settings: { permissions: { net } } }));
  await platform.generation!.load();
  void ask(platform, 'go', 3_000);
  return platform;
};

it('a plugin that ends right after an attempt is reported', async () => {
  const platform = await inOne(`try { require('node:fs').readFileSync('/etc/passwd') } catch {} process.reallyExit(0);`);
  await until(() => expect(details(platform)).toMatch(/FileSystemRead \/etc\/passwd/));
});

it('a plugin that closes the pipe of its reports loses its process for it', async () => {
  const platform = await inOne(`require('node:fs').closeSync(4); return new Promise(() => {});`);
  await until(() => expect(details(platform)).toMatch(/(ended|protocol-violation): it closed the pipe on which its attempts are reported/));
});

it('a plugin that writes on it loses its process, too', async () => {
  const platform = await inOne(`require('node:fs').writeSync(4, 'half a line that would garble the next'); try { require('node:fs').readFileSync('/etc/passwd') } catch {} return new Promise(() => {});`);
  await until(() => expect(details(platform)).toMatch(/protocol-violation: it wrote on the pipe on which its attempts are reported/));
});

/** Nothing granted, and a host. Without a grant, Node itself stands in the way from Node 25 on. */
const GRANTS = [[], ['api.example.org']];
const REFUSED_BY_NODE = /permission-denied: Net/;
const asSeen = (seen: RegExp, net: string[]) => (net.length === 0 && stage.sandbox.means.nodeWallsNetwork ? REFUSED_BY_NODE : seen);
/** Handles of Node's own, past every function that we have hooked: the kernel is asked for real. */
const RAW: Array<{ does: string; code: string; seen: RegExp }> = [
  { does: 'opens a door for datagrams with a handle of Node’s own', code: `const { Socket } = require('node:dgram'); const socket = new Socket('udp4'); const state = socket[Object.getOwnPropertySymbols(socket).find((symbol) => socket[symbol]?.handle)]; state.handle.bind('0.0.0.0', 0, 0);`, seen: /network-refused: past our code.*a door at udp / },
  { does: 'sends one from it', code: `const { Socket } = require('node:dgram'); const socket = new Socket('udp4'); const state = socket[Object.getOwnPropertySymbols(socket).find((symbol) => socket[symbol]?.handle)]; state.handle.connect('127.0.0.1', 53);`, seen: /network-refused: past our code, and there was no way out/ },
  { does: 'opens a door in its folder with the handle of its standard output', code: `const { Pipe } = { Pipe: process.stdout._handle.constructor }; const pipe = new Pipe(1); pipe.bind(process.cwd() + '/door'); pipe.listen(1);`, seen: /network-refused: past our code.*a door at unix .*\/door/ },
];

it.each(RAW.flatMap((raw) => GRANTS.map((net) => ({ ...raw, net }))))('a plugin that $does is seen from outside (granted: $net)', async ({ code, seen, net }) => {
  if (stage.sandbox.means.namespaces === 'none') return console.warn('Not tried: there is no network namespace here, and so nothing to see from outside.');
  const platform = await inOne(`${code} return new Promise(() => {});`, net);
  await until(() => expect(details(platform)).toMatch(asSeen(seen, net)));
});

it.each(GRANTS.map((net) => ({ net })))('what was sent past our code right before the end is seen as well (granted: $net)', async ({ net }) => {
  if (stage.sandbox.means.namespaces === 'none') return console.warn('Not tried: there is no network namespace here, and so nothing to see from outside.');
  const platform = await inOne(`${RAW[1]!.code} process.reallyExit(0);`, net);
  await until(() => expect(details(platform)).toMatch(asSeen(RAW[1]!.seen, net)));
});
