import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AddressRanges } from '@conductor/config';
import { until } from '@conductor/testing';
import { EgressProxy } from './egress-proxy';

const folder = mkdtempSync(join(tmpdir(), 'egress-'));
const refusals: string[] = [];
const reached: Socket[] = [];
/** Two of them are where an operator lets plugins go; nobody listens at the first ones of `several`. */
const ADDRESSES: Record<string, string[]> = {
  'mixed.example': ['127.3.0.1', '127.0.0.1'],
  'fake.example': ['198.18.0.25'],
  'mapped.example': ['::ffff:127.0.0.1'],
  'several.example': ['100::1', '127.3.0.9', '127.3.0.1'],
};
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
  const names = ['rebound', 'mixed', 'fake', 'several', 'mapped'].map((name) => `${name}.example:${port}`);
  proxy = await EgressProxy.open(join(folder, 'egress'), [`127.0.0.1:${port}`, ...names, 'nobody.example'], {
    report: (detail) => refusals.push(detail),
    allowed: new AddressRanges(['127.3.0.0/16', '100::/64']),
    resolve: async (host) => ADDRESSES[host] ?? (host === 'rebound.example' ? ['203.0.113.1', '127.0.0.1'] : host === 'nobody.example' ? Promise.reject(new Error('ENOTFOUND')) : [host]),
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
  ['a name of which one address is inside', () => to('rebound.example'), 'rebound.example leads to 203.0.113.1, in 203.0.113.0/24 (documentation)'],
  ['no JSON', () => 'CONNECT 127.0.0.1', 'did not say where to in the way that is expected'],
  ['a host with a line break', () => JSON.stringify({ host: 'a\nb', port: 1 }), 'did not say where to'],
  ['a line without end', () => 'x'.repeat(600), 'did not say where to'],
])('closes the connection to who wants %s, and tells', async (_, line, told) => {
  const before = reached.length;
  expect(await say(line())).toBe('');
  expect(refusals.at(-1)).toContain(told);
  expect(reached).toHaveLength(before);
});

it.each([
  ['mixed.example', '127.0.0.1, in 127.0.0.0/8 (this machine)'],
  ['fake.example', '198.18.0.25, in 198.18.0.0/15 (benchmarking, and what the fake-IP DNS'],
  ['mapped.example', '::ffff:127.0.0.1, in 127.0.0.0/8 (this machine)'],
])('follows %s nowhere, and says the range and the setting', async (host, told) => {
  expect(await say(to(host))).toBe('');
  expect(refusals.at(-1)).toContain(`${host} leads to ${told}`);
  expect(refusals.at(-1)).toMatch(/an operator sets PLUGIN_EGRESS_ALLOW_RANGES=\d+\.[\d./]+$/);
});

it('tries every address of a name, where an operator allows their range', async () => {
  const other = createServer((socket) => void socket.on('error', () => {}).on('data', (data) => socket.write(`other ${data.toString()}`)));
  await new Promise<void>((resolve) => other.listen(port, '127.3.0.1', resolve));
  try {
    expect(await say(to('several.example'))).toBe('other hi');
  } finally {
    other.close();
  }
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
