import { spawnSync } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { createServer as createHttp, type Server } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { AddressRanges } from '@conductor/config';
import { until } from '@conductor/testing';
import type { SandboxedPlatform } from '../sandboxed-platform';
import { ask, SandboxStage } from '../testing/sandbox-stage';
import { specialRangeOf } from './special-ranges';

const RUNS = `async handleRequest({ content }) {
  try { return { got: await new (Object.getPrototypeOf(async () => {}).constructor)('require', 'port', content.code)(require, content.port) }; }
  catch (error) { return { refused: [error.message, error.cause && error.cause.message].join(' ') }; }
}`;

let stage: SandboxStage;
let http: Server;
let https: Server;
let other: Server;
let platform: SandboxedPlatform;
let withTls = false;
const portOf = (server: Server) => (server.address() as AddressInfo).port;
const listen = (server: Server) => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

beforeAll(async () => {
  stage = await SandboxStage.open();
  const [key, cert] = [join(stage.folder, 'key.pem'), join(stage.folder, 'cert.pem')];
  withTls = spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', cert, '-days', '1', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'], { stdio: 'ignore' }).status === 0;
  http = createHttp((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += chunk)).on('end', () => response.end(`${request.method} ${request.url} ${body.length}`));
  });
  if (!withTls) console.warn('There is no openssl here to make a certificate: TLS through the egress proxy is not tried.');
  https = createHttps(withTls ? { key: readFileSync(key), cert: readFileSync(cert) } : {}, (_, response) => void response.end('over TLS'));
  other = createHttp((_, response) => void response.end('not for plugins'));
  await Promise.all([http, https, other].map(listen));
  platform = await stage.start(await stage.plugin(RUNS, { settings: { permissions: { net: [`127.0.0.1:${portOf(http)}`, `localhost:${portOf(https)}`] } } }));
});
afterAll(async () => {
  await stage.close();
  for (const server of [http, https, other]) {
    server.closeAllConnections();
    server.close();
  }
});
const run = (code: string, server: Server) => ask(platform, { code, port: portOf(server) });

it('a plugin reaches a host that was granted with fetch', async () => {
  expect(await run(`return (await fetch('http://127.0.0.1:' + port + '/a', { method: 'POST', body: 'x'.repeat(300_000) })).text()`, http)).toEqual({ got: 'POST /a 300000' });
});

it('… with http, one request after the other over one connection', async () => {
  const code = `const http = require('node:http'); const agent = new http.Agent({ keepAlive: true }); const get = () => new Promise((resolve, reject) => http.get({ host: '127.0.0.1', port, path: '/b', agent }, (r) => { let t = ''; r.on('data', (d) => (t += d)).on('end', () => resolve(t)); }).on('error', reject)); const all = [await get(), await get()]; agent.destroy(); return all;`;
  expect(await run(code, http)).toEqual({ got: ['GET /b 0', 'GET /b 0'] });
});

it('… with a plain socket', async () => {
  const code = `return new Promise((resolve, reject) => { const s = require('node:net').connect(port, '127.0.0.1', () => s.write('GET /c HTTP/1.0\\r\\n\\r\\n')); s.on('error', reject).on('data', (d) => resolve(String(d).split('\\r\\n')[0])); });`;
  expect(await run(code, http)).toEqual({ got: 'HTTP/1.1 200 OK' });
});

it('… and over TLS, whose certificate the plugin itself checks', async () => {
  if (!withTls) return;
  const get = (options: string) => `return new Promise((resolve, reject) => require('node:https').get({ host: 'localhost', port, ${options} }, (r) => r.on('data', (d) => resolve(String(d)))).on('error', reject));`;
  expect(await run(get('rejectUnauthorized: false'), https)).toEqual({ got: 'over TLS' });
  expect(await run(get(''), https)).toEqual({ refused: expect.stringContaining('self-signed certificate') });
  expect(await run(`return (await fetch('https://localhost:' + port)).text()`, https)).toEqual({ refused: expect.stringContaining('self-signed certificate') });
});

it('any other host or port is refused, told to the plugin and reported', async () => {
  expect(await run(`return (await fetch('http://127.0.0.1:' + port)).text()`, other)).toEqual({ refused: expect.stringContaining(`127.0.0.1:${portOf(other)} is not granted to this plugin (granted: 127.0.0.1:`) });
  await until(() => expect(platform.incidents.list()).toContainEqual(expect.objectContaining({ kind: 'permission-denied', detail: `Network 127.0.0.1:${portOf(other)}` })));
});

it('a plugin that lies to the proxy about where it goes is refused by the proxy, which knows what was granted', async () => {
  const forged = JSON.stringify({ host: '127.0.0.1', port: portOf(other) });
  const code = `const real = JSON.stringify; JSON.stringify = () => ${JSON.stringify(forged)}; return new Promise((resolve, reject) => { const s = require('node:net').connect(port, '127.0.0.1', () => { JSON.stringify = real; s.write('GET / HTTP/1.0\\r\\n\\r\\n'); }); s.on('error', reject).on('close', () => reject(new Error('closed'))).on('data', (d) => resolve(String(d))); });`;
  expect(await run(code, http)).toEqual({ refused: expect.stringMatching(/closed|EPIPE|ECONNRESET/) });
  await until(() => expect(platform.incidents.list()).toContainEqual(expect.objectContaining({ kind: 'network-refused', detail: `127.0.0.1:${portOf(other)} was not granted` })));
  expect(platform.figures().generations[0]!.egress).toMatchObject({ refused: 1 });
});

it('a name that leads to a special range is followed where an operator allows that range, and refused with the setting’s name elsewhere', async () => {
  const name = hostname().toLowerCase();
  const addresses = await lookup(name, { all: true }).catch(() => []);
  const ranges = addresses.map(({ address }) => specialRangeOf(address, new AddressRanges([]))?.range);
  if (addresses.length === 0 || ranges.includes(undefined) || !/^[a-z0-9.-]+$/.test(name)) return console.warn(`The name of this machine (${name}) leads to no special range: this is not tried.`);
  const everywhere = createHttp((_, response) => void response.end('reached'));
  await new Promise<void>((resolve) => everywhere.listen(0, resolve));
  const settings = { permissions: { net: [`${name}:${portOf(everywhere)}`] } };
  const fetches = `return (await fetch('http://${name}:' + port)).text()`;
  const open = await SandboxStage.open({ egressAllowed: ranges as string[] });
  try {
    const closed = await stage.start(await stage.plugin(RUNS, { settings }));
    expect(await ask(closed, { code: fetches, port: portOf(everywhere) })).toEqual({ refused: expect.any(String) });
    await until(() => expect(closed.incidents.list()).toContainEqual(expect.objectContaining({ kind: 'network-refused', detail: expect.stringContaining(`an operator sets PLUGIN_EGRESS_ALLOW_RANGES=${ranges[0]}`) })));
    expect(await ask(await open.start(await open.plugin(RUNS, { settings })), { code: fetches, port: portOf(everywhere) })).toEqual({ got: 'reached' });
  } finally {
    await open.close();
    everywhere.closeAllConnections();
    everywhere.close();
  }
});
