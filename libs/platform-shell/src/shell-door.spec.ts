import { connect } from 'node:net';
import { configFrom } from '@conductor/config';
import { ShellDoor } from './shell-door';

it.each(['/v1/anything', '//', 'http://['])('refuses whatever is asked of a platform at %s, and stays', async (path) => {
  const door = new ShellDoor('stubs', () => ({ reason: 'RAM is short', redisIsReady: true }), configFrom({}));
  const url = await door.open('127.0.0.1', 0);
  const line = connect(Number(new URL(url).port), '127.0.0.1').setEncoding('utf8');
  line.write(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n`);

  expect((await line.toArray()).join('')).toMatch(/^HTTP\/1.1 503 [^]*"code":"platform-unavailable"/);
  expect((await fetch(`${url}/health/live`)).status).toBe(200);
  await door.close();
});

it('refuses a host that is not of this machine, as every app does', async () => {
  const door = new ShellDoor('stubs', () => ({ reason: 'RAM is short', redisIsReady: true }), configFrom({ CONDUCTOR_ALLOWED_HOSTS: 'home.example' }));
  const { port } = new URL(await door.open('127.0.0.1', 0));
  const askAs = async (host: string) => {
    const line = connect(Number(port), '127.0.0.1').setEncoding('utf8');
    line.write(`GET /health/live HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
    return (await line.toArray()).join('');
  };

  for (const host of ['localhost:3000', 'HOME.example']) expect(await askAs(host)).toMatch(/^HTTP\/1.1 200 /);
  for (const host of ['evil.example', '', '198.51.100.1']) expect(await askAs(host)).toMatch(/^HTTP\/1.1 421 [^]*"code":"misdirected-request"/);
  await door.close();
});

it('cuts a connection that says nothing', async () => {
  const door = new ShellDoor('stubs', () => ({ reason: 'RAM is short', redisIsReady: true }), configFrom({}));
  const { port } = new URL(await door.open('127.0.0.1', 0));

  await connect(Number(port), '127.0.0.1').on('error', () => {}).resume().toArray();
  await door.close();
}, 60_000);
