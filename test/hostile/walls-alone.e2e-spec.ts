import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { chmod, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SandboxWalls, type WallName } from '@conductor/plugin-runtime';
import { commandFor } from '../../libs/plugin-runtime/src/sandbox/walls/launch';

/*
 * The walls below Node, each on its own: a process without Node's permission model and without any code of ours in it, as a plugin
 * would be that has got past both. What it aims at is ours, on this machine.
 */
const ATTEMPTS: Array<{ does: string; wall: WallName; code: string }> = [
  // First, before it has opened any itself.
  { does: 'finds a descriptor of ours', wall: 'environment', code: `const got = []; for (let fd = 3; fd < 100; fd++) { try { const s = fs.fstatSync(fd); if (s.isFile() || s.isSocket()) got.push(fd + ' ' + fs.readlinkSync('/proc/self/fd/' + fd)) } catch {} } if (got.length === 0) throw new Error('none'); return got` },
  { does: 'reads a file that is open to everyone', wall: 'files', code: `return fs.readFileSync(t.file, 'utf8')` },
  { does: 'reads the accounts of the system', wall: 'files', code: `return fs.readFileSync('/etc/passwd', 'utf8')` },
  { does: 'reads the code of the Conductor', wall: 'files', code: `return fs.readFileSync(t.ourCode, 'utf8')` },
  { does: 'finds other folders at the root', wall: 'files', code: `const more = fs.readdirSync('/').filter((name) => !t.expected.includes(name)); if (more.length === 0) throw new Error('nothing'); return more` },
  { does: 'writes at the root of its file system', wall: 'files', code: `if (process.getuid() === 0) throw new Error('a small one of its own, in memory'); fs.writeFileSync('/x', 'x'); return 'written'` },
  { does: 'changes the Node that it runs on', wall: 'files', code: `fs.appendFileSync(process.execPath, 'x'); return 'changed'` },
  { does: 'looks through the root of the first process', wall: 'files', code: `return fs.readFileSync('/proc/1/root' + t.file, 'utf8')` },
  { does: 'climbs out of its root', wall: 'files', code: `return fs.readFileSync('../'.repeat(30) + t.file.slice(1), 'utf8')` },
  { does: 'finds devices', wall: 'files', code: `const more = fs.readdirSync('/dev').filter((name) => !['null', 'urandom'].includes(name)); if (more.length === 0) throw new Error('none'); return more` },
  { does: 'finds shared memory', wall: 'files', code: `return fs.readdirSync('/dev/shm')` },
  { does: 'runs a shell', wall: 'files', code: `return String(cp.execFileSync('/bin/sh', ['-c', 'id']))` },
  { does: 'speaks to a socket in the file system', wall: 'files', code: `return connected({ path: t.unixSocket })` },
  { does: 'speaks to a TCP port of this machine', wall: 'network', code: `return connected({ host: '127.0.0.1', port: t.port })` },
  { does: 'speaks to it by IPv6', wall: 'network', code: `return connected({ host: '::1', port: t.port6 })` },
  { does: 'speaks to it by an address of the machine', wall: 'network', code: `for (const address of t.addresses) { const got = await connected({ host: address, port: t.anyPort }).catch(() => false); if (got) return got } throw new Error('none')` },
  { does: 'speaks to a socket without a file', wall: 'network', code: `return connected({ path: '\\0' + t.abstractSocket })` },
  { does: 'sends a datagram', wall: 'network', code: `return new Promise((resolve, reject) => dgram.createSocket('udp4').send('x', t.udpPort, '127.0.0.1', (e) => (e ? reject(e) : resolve('sent'))))` },
  { does: 'sees an interface with an address', wall: 'network', code: `const all = Object.values(require('os').networkInterfaces()).flat(); if (all.length === 0) throw new Error('none'); return all` },
  { does: 'signals the Conductor', wall: 'processes', code: `process.kill(t.hostPid, 0); return 'signalled'` },
  { does: 'sees other processes', wall: 'processes', code: `const all = fs.readdirSync('/proc').filter((name) => /^\\d+$/.test(name) && Number(name) !== process.pid); if (all.length === 0) throw new Error('none'); return all` },
  { does: 'becomes the superuser', wall: 'user', code: `if (process.getuid() === 0) throw new Error('of its own namespace, without any right'); process.setuid(0); return 'superuser'` },
  { does: 'becomes another user by a program', wall: 'user', code: `return String(cp.execFileSync(t.setpriv, ['--reuid=1', '--regid=1', '--clear-groups', process.execPath, '-p', '1'], { stdio: ['ignore', 'pipe', 'ignore'] }))` },
  { does: 'has a right of the superuser', wall: 'user', code: `const rights = /CapEff:\\s*(\\w+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1]; if (/^0+$/.test(rights)) throw new Error('none'); return rights` },
  { does: 'finds something in its environment', wall: 'environment', code: `const names = Object.keys(process.env).filter((name) => name !== 'PWD' && name !== 'OLDPWD'); if (names.length === 0) throw new Error('nothing'); return names` },
  { does: 'writes a file without end', wall: 'limits', code: `const block = Buffer.alloc(16_000_000); const fd = fs.openSync(t.own + '/huge', 'w'); try { for (let i = 0; i < 40; i++) fs.writeSync(fd, block) } finally { fs.rmSync(t.own + '/huge') } return 'written'` },
];

const SCRIPT = `
const fs = require('fs'), cp = require('child_process'), net = require('net'), dgram = require('dgram');
process.on('SIGXFSZ', () => {});
const t = JSON.parse(process.argv[2]);
const connected = (options) => new Promise((resolve, reject) => { const s = net.connect({ ...options, timeout: 2000 }); s.on('connect', () => resolve('connected')); s.on('error', reject); s.on('timeout', () => reject(new Error('timeout'))); });
(async () => {
  const results = {};
  for (const { does, code } of t.attempts) {
    try { results[does] = { got: String(await new (async () => {}).constructor('t', 'require', 'fs', 'cp', 'dgram', 'connected', code)(t, require, fs, cp, dgram, connected)).slice(0, 200) }; }
    catch (error) { results[does] = { held: String(error.code || error.message).slice(0, 200) }; }
  }
  process.stdout.write(JSON.stringify(results), () => process.exit(0));
})();`;

let results: Record<string, { got?: string; held?: string }>;
let walls: SandboxWalls;
let reached = 0;

beforeAll(async () => {
  walls = await SandboxWalls.probe();
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'walls-alone-')));
  const own = join(folder, 'own');
  for (const path of [own, join(folder, 'root')]) await mkdir(path);
  await writeFile(join(folder, 'secret'), 'secret');
  await writeFile(join(own, 'script.cjs'), SCRIPT);
  await chmod(folder, 0o755);
  await chmod(own, 0o777);
  const count = () => createServer((socket) => (reached++, socket.end()));
  const listening = async (where: object) => {
    const server = count();
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(where, resolve));
    return server;
  };
  const abstractSocket = `conductor-walls-${process.pid}`;
  const udp = createSocket('udp4', () => reached++);
  await new Promise<void>((resolve) => udp.bind(0, '127.0.0.1', resolve));
  const tcp = await listening({ host: '127.0.0.1', port: 0 });
  const tcp6 = await listening({ host: '::1', port: 0 }).catch(() => tcp);
  const unix = await listening({ path: join(folder, 'door') });
  await chmod(join(folder, 'door'), 0o777);
  const abstract = await listening({ path: `\0${abstractSocket}` });
  const targets = {
    attempts: ATTEMPTS.map(({ does, code }) => ({ does, code })),
    file: join(folder, 'secret'), own, ourCode: __filename, expected: ['dev', 'lib', 'lib64', 'proc', 'usr', ...[folder, process.execPath].map((path) => path.split('/')[1])],
    unixSocket: join(folder, 'door'), abstractSocket, port: (tcp.address() as AddressInfo).port, port6: (tcp6.address() as AddressInfo).port, udpPort: udp.address().port,
    addresses: ['127.0.0.1', '127.0.1.1', '0.0.0.0'], anyPort: (tcp.address() as AddressInfo).port, hostPid: process.pid, setpriv: walls.means.tools.setpriv,
  };
  try {
    const [file, ...args] = commandFor(walls.means, {
      script: [join(own, 'script.cjs'), JSON.stringify(targets)], read: [], write: [own], sockets: [], root: join(folder, 'root'), groups: [], uid: 61_998, memoryMb: 256,
      allow: { childProcess: true, workers: true, addons: true, wasi: true, inspector: true }, permissions: false,
    });
    results = JSON.parse((await promisify(execFile)(file, args, { env: {}, cwd: own, timeout: 30_000 })).stdout) as typeof results;
  } finally {
    for (const server of new Set([tcp, tcp6, unix, abstract])) server.close();
    udp.close();
    await rm(folder, { recursive: true, force: true });
  }
});

it.each(ATTEMPTS)('a process behind the walls alone that $does is held', ({ does, wall }) => {
  const { up, reason } = walls.walls.find(({ name }) => name === wall)!;
  if (!up) return console.warn(`Not tried, since the wall "${wall}" is missing here: ${reason}`);
  expect(results[does]).toEqual({ held: expect.any(String) });
});

it('nothing of ours was reached', () => {
  if (walls.missing.length > 0) return console.warn(`Not to be said here: ${walls.missing.map(({ name }) => name).join(', ')} missing.`);
  expect(reached).toBe(0);
});
