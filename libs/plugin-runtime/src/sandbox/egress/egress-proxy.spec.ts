import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '@conductor/testing';
import { EgressProxy } from './egress-proxy';

const folder = mkdtempSync(join(tmpdir(), 'egress-'));
const refusals: string[] = [];
const reached: Socket[] = [];
let far: Server;
let proxy: EgressProxy;
let port: number;

beforeAll(async () => {
  far = createServer((socket) => {
    reached.push(socket);
    socket.on('error', () => {});
    socket.on('data', (data) => socket.write(`echo ${data.toString()}`));
  });
  await new Promise<void>((resolve) => far.listen(0, '127.0.0.1', resolve));
  port = (far.address() as AddressInfo).port;
  proxy = await EgressProxy.open(join(folder, 'egress'), [`127.0.0.1:${port}`, `rebound.example:${port}`, 'nobody.example'], {
    report: (detail) => refusals.push(detail),
    resolve: async (host) => (host === 'rebound.example' ? ['203.0.113.1', '127.0.0.1'] : host === 'nobody.example' ? Promise.reject(new Error('ENOTFOUND')) : [host]),
  });
});
afterAll(async () => {
  await proxy.close();
  far.close();
  rmSync(folder, { recursive: true });
});

/** Sends the line, then a message, and tells what came back until the end. */
const say = (line: string, message = 'hi'): Promise<string> =>
  new Promise((resolve) => {
    const socket = connect(proxy.path);
    let heard = '';
    socket.on('error', () => {});
    socket.on('data', (data) => {
      heard += data.toString();
      socket.end();
    });
    socket.on('close', () => resolve(heard));
    socket.write(`${line}\n${message}`);
  });
const to = (host: string, at = port) => JSON.stringify({ host, port: at });

it('connects to what was granted, and carries bytes both ways', async () => {
  expect(await say(to('127.0.0.1'))).toBe('echo hi');
  expect(proxy.figures).toMatchObject({ connections: 1, refused: 0, sentBytes: 2, receivedBytes: 7 });
});

it.each([
  ['another port', () => to('127.0.0.1', 1), '127.0.0.1:1 was not granted'],
  ['another name for the same', () => to('localhost'), 'localhost:'],
  ['a name of which one address is inside', () => to('rebound.example'), 'rebound.example leads to an address of this machine'],
  ['no JSON', () => 'CONNECT 127.0.0.1', 'did not say where to in the way that is expected'],
  ['a host with a line break', () => JSON.stringify({ host: 'a\nb', port: 1 }), 'did not say where to'],
  ['a line without end', () => 'x'.repeat(600), 'did not say where to'],
])('closes the connection to who wants %s, and tells', async (_, line, told) => {
  const before = reached.length;
  expect(await say(line())).toBe('');
  expect(refusals.at(-1)).toContain(told);
  expect(reached).toHaveLength(before);
});

it('closes the connection when there is no way there, which is nobody’s fault', async () => {
  const before = refusals.length;
  expect(await say(to('nobody.example', 443))).toBe('');
  expect(refusals).toHaveLength(before);
});

it('holds so many connections at once and no more', async () => {
  const sockets = Array.from({ length: 80 }, () => connect(proxy.path).on('error', () => {}));
  for (const socket of sockets) socket.write(`${to('127.0.0.1')}\n`);
  await until(() => expect(refusals.at(-1)).toBe('more than 64 connections at once'));
  expect(proxy.figures.open).toBeLessThanOrEqual(130);
  sockets.forEach((socket) => socket.destroy());
  await until(() => expect(proxy.figures.open).toBe(0));
});

it('ends what it carries when it closes', async () => {
  const socket = connect(proxy.path);
  const ended = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => {}).write(`${to('127.0.0.1')}\n`);
  await until(() => expect(proxy.figures.open).toBe(2));
  await proxy.close();
  await ended;
  expect(proxy.figures.open).toBe(0);
});
