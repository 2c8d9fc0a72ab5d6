import { connect } from 'node:net';
import { ShellDoor } from './shell-door';

it.each(['/v1/anything', '//', 'http://['])('refuses whatever is asked of a platform at %s, and stays', async (path) => {
  const door = new ShellDoor('stubs', () => ({ reason: 'RAM is short', redisIsReady: true }));
  const url = await door.open('127.0.0.1', 0);
  const line = connect(Number(new URL(url).port), '127.0.0.1').setEncoding('utf8');
  line.write(`GET ${path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n`);

  expect((await line.toArray()).join('')).toMatch(/^HTTP\/1.1 503 [^]*"code":"platform-unavailable"/);
  expect((await fetch(`${url}/health/live`)).status).toBe(200);
  await door.close();
});
