import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@conductor/observability';
import { testNamespace, testRedisUrl } from '@conductor/testing';
import { RedisConnections } from './index';

it('Redis is reached by a socket, also in a folder with spaces and letters beyond ASCII', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ein Büro '));
  const path = join(folder, 'r.sock');
  const { hostname, port, password } = new URL(testRedisUrl());
  const sockets: Socket[] = [];
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    sockets.push(near, far);
    for (const socket of [near, far]) socket.on('error', () => undefined);
    near.pipe(far).pipe(near);
  }).listen(path);
  await once(server, 'listening');
  const connections = new RedisConnections(`redis+unix://${encodeURI(path)}?password=${password}`, testNamespace(), createLogger({ app: 'router', level: 'silent' }));
  try {
    await connections.untilReady();
    expect(await connections.commands.ping()).toBe('PONG');
  } finally {
    await connections.close();
    for (const socket of sockets) socket.destroy();
    server.close();
    rmSync(folder, { recursive: true });
  }
});
