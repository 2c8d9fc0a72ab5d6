import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { createSocket, type Socket } from 'node:dgram';
import { join } from 'node:path';
import type { SandboxedPlatform } from '@conductor/plugin-runtime';
import { testRedisUrl, until } from '@conductor/testing';
import { ask, SandboxStage } from '../../libs/plugin-runtime/src/sandbox/testing/sandbox-stage';
import { ATTEMPTS, type Targets } from './attempts';

const SECRET = 'whoever reads this has got out';
/** Runs whatever the test sends it. */
const HOSTILE = `async handleRequest({ content }) {
  const run = Object.getPrototypeOf(async () => {}).constructor;
  const plugin = { context: this.context, folder: __dirname, data: process.cwd(), load: (what) => import(what) };
  try {
    const got = await new run('t', 'require', 'plugin', content.code)(content.targets, require, plugin);
    return { got: got === undefined ? 'undefined' : got };
  } catch (error) {
    return { refused: String(error && (error.code || error.message || error)) };
  }
}`;

let stage: SandboxStage;
let platform: SandboxedPlatform;
let targets: Targets;
let http: HttpServer;
let unix: Server;
let abstract: Server;
let udp: Socket;
/** Connections that reached something of ours. */
let reached = 0;

beforeAll(async () => {
  stage = await SandboxStage.open({ quarantineAfter: 1_000 });
  const { missing } = stage.sandbox.walls;
  if (missing.length > 0) console.warn(`Walls that are missing here, so that only Node and our own code are tried: ${missing.map(({ name, reason }) => `${name} (${reason})`).join('; ')}`);
  const { folder } = stage;
  const outside = join(folder, 'outside');
  await mkdir(outside);
  await writeFile(join(outside, 'secret'), SECRET);
  await writeFile(join(outside, 'module.cjs'), `module.exports = ${JSON.stringify(SECRET)}`);
  await chmod(outside, 0o777);
  const listen = (server: Server, where: object) => new Promise<void>((resolve) => server.listen(where, resolve));
  http = createHttpServer((_, response) => void response.end(SECRET)).on('connection', () => reached++);
  unix = createServer((socket) => (reached++, socket.end(SECRET)));
  abstract = createServer((socket) => (reached++, socket.end(SECRET)));
  udp = createSocket('udp4', () => reached++);
  const unixSocket = join(outside, 'door');
  const abstractSocket = `conductor-hostile-${process.pid}`;
  await listen(http, { port: 0, host: '127.0.0.1' });
  await listen(unix, { path: unixSocket });
  await listen(abstract, { path: `\0${abstractSocket}` });
  await chmod(unixSocket, 0o777);
  await new Promise<void>((resolve) => udp.bind(0, '127.0.0.1', resolve));

  const other = await stage.start(await stage.plugin(`async handleRequest() { require('node:fs').writeFileSync('own', ${JSON.stringify(SECRET)}); await this.context.storage.set('own', ${JSON.stringify(SECRET)}); return {}; }`, { platform: 'other' }));
  await ask(other);
  const spec = await stage.plugin(HOSTILE, { platform: 'hostile' });
  await writeFile(join(spec.folder, 'x.node'), 'no addon');
  platform = await stage.start(spec);
  targets = {
    file: join(outside, 'secret'),
    folder: outside,
    module: join(outside, 'module.cjs'),
    otherCode: join(other.generation!.spec.folder, 'index.cjs'),
    otherData: join(stage.sandbox.settings.folder, 'data', 'other', 'other', 'own'),
    httpPort: (http.address() as AddressInfo).port,
    udpPort: udp.address().port,
    redisPort: Number(new URL(testRedisUrl()).port),
    unixSocket,
    abstractSocket,
    hostPid: process.pid,
  };
});
afterAll(async () => {
  await stage.close();
  for (const server of [http, unix, abstract]) server.close();
  udp.close();
});

const details = () => platform.incidents.list().map(({ kind, detail, times }) => `${kind}: ${detail} ×${times}`);

it.each(ATTEMPTS)('$name, and does not get out', async ({ code, reported }) => {
  const before = details();

  const answer = await ask(platform, { code, targets: { ...targets } });

  expect(answer).toMatchObject({ refused: expect.any(String) });
  expect(JSON.stringify(answer)).not.toContain(SECRET);
  await until(() => expect(details().filter((detail) => !before.includes(detail)).join('\n')).toMatch(reported));
  expect(reached).toBe(0);
});

it('finds nothing in its environment', async () => {
  expect(await ask(platform, { code: 'return process.env' })).toEqual({ got: {} });
});
