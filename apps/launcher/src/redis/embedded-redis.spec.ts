import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { eventually } from '../fixtures/eventually';
import { isAlive, killGroup } from '../process-facts';
import { projectRoot } from '../project-root';
import { askRedis } from './ask-redis';
import { spawnMortal } from './dies-with-parent';
import { EmbeddedRedis } from './embedded-redis';
import { findRedis } from './find-redis';
import type { RedisBinary } from './redis-binary';
import { RedisFolder } from './redis-folder';
import { stopPrevious } from './stop-previous';

describe('the embedded Redis', () => {
  let binary: RedisBinary;
  let path: string;
  const servers: ChildProcess[] = [];
  const clients: Redis[] = [];

  beforeAll(async () => {
    binary = await findRedis({ path: process.env['PATH'] ?? '', runtimeDir: join(projectRoot(), '.runtime'), say: () => undefined });
  }, 120_000);
  beforeEach(() => (path = mkdtempSync(join(tmpdir(), 'embedded-redis-'))));
  afterEach(async () => {
    for (const { pid } of servers.splice(0)) killGroup(pid);
    for (const client of clients.splice(0)) await eventually(() => expect(client.status).toBe('end'));
    rmSync(path, { recursive: true, force: true, maxRetries: 5 });
  });

  const start = async () => {
    const redis = await EmbeddedRedis.on(new RedisFolder(path), binary);
    const server = redis.spawn();
    servers.push(server);
    await redis.untilReady(server, AbortSignal.timeout(10_000));
    const client = new Redis(redis.url, { retryStrategy: null });
    client.on('error', () => undefined);
    clients.push(client);
    return { redis, server, client };
  };

  it('keeps what was accepted when it is killed', async () => {
    const { server, client } = await start();
    await client.set('message', 'accepted');
    killGroup(server.pid);

    const again = await start();
    expect(await again.client.get('message')).toBe('accepted');
  });

  it('starts with what can be read of its file when the end was spoilt, as by a power cut, and keeps a copy', async () => {
    const { server, client } = await start();
    await client.set('message', 'accepted');
    await client.wait(0, 0);
    killGroup(server.pid);
    await eventually(() => expect(isAlive(server.pid!)).toBe(false));
    const folder = join(path, 'appendonlydir');
    const [file] = readdirSync(folder).filter((name) => name.endsWith('.incr.aof'));
    appendFileSync(join(folder, file!), '*3\r\n$3\r\nSET\r\n$7\r\nmes\0\0\0\0\r\n*$!garbage\r\n');

    const said: string[] = [];
    const redis = await EmbeddedRedis.on(new RedisFolder(path), binary, 'durable', (text) => said.push(text));
    const broken = redis.spawn();
    await once(broken, 'close');
    const mended = redis.spawn();
    servers.push(mended);
    await redis.untilReady(mended, AbortSignal.timeout(10_000));

    expect(await askRedis(Number(new URL(redis.url).port), new URL(redis.url).password, ['GET message'])).toContain('accepted');
    expect(said).toEqual([expect.stringMatching(/could not be read, as after a power cut\. It was cut off/)]);
    expect(readdirSync(path).some((name) => name.startsWith('appendonlydir.damaged-'))).toBe(true);
  });

  it('keeps its port and password over restarts, so that clients find it again', async () => {
    const first = await start();
    killGroup(first.server.pid);
    await eventually(() => expect(isAlive(first.server.pid!)).toBe(false));

    expect((await start()).redis.url).toBe(first.redis.url);
  });

  it('writes every command to its file and never evicts', async () => {
    const { client } = await start();

    expect(await client.config('GET', 'appendonly')).toContain('yes');
    expect(await client.config('GET', 'appendfsync')).toContain('everysec');
    expect(await client.config('GET', 'maxmemory-policy')).toContain('noeviction');
  });

  it('keeps a message’s record in one piece, under whatever name its version has for that', async () => {
    const { client } = await start();

    await client.hset('record', { state: 'answered', request: 'x'.repeat(2_000) });
    expect(await client.object('ENCODING', 'record')).toMatch(/ziplist|listpack/);
  });

  it('lets only those in who know its password, which only this user can read', async () => {
    const { redis } = await start();

    expect(await askRedis(Number(new URL(redis.url).port), 'guess', ['PING'])).toMatch(/WRONGPASS[^]*NOAUTH/);
    for (const file of ['access.json', 'redis.conf']) expect(statSync(join(path, file)).mode & 0o077).toBe(0);
  });

  it.each([
    ['still answers', () => undefined],
    ['hangs', (pid: number) => process.kill(pid, 'SIGSTOP')],
  ])('replaces a server of a crashed run that %s: never two on one folder', async (_what, hang) => {
    const { server, client } = await start();
    await client.set('message', 'accepted');
    hang(server.pid!);
    await stopPrevious(new RedisFolder(path), 300);

    expect(isAlive(server.pid!)).toBe(false);
    expect(await (await start()).client.get('message')).toBe('accepted');
  });

  it('does not touch a stranger that has got the old number or the old port', async () => {
    const { server, redis } = await start();
    const other = mkdtempSync(join(tmpdir(), 'embedded-redis-'));
    const folder = new RedisFolder(other);
    folder.write(Number(new URL(redis.url).port), 'durable');
    try {
      const settled = await EmbeddedRedis.on(folder, binary);

      expect(settled.door).not.toBe(redis.door);
      expect(isAlive(server.pid!)).toBe(true);
    } finally {
      rmSync(other, { recursive: true });
    }
  });

  it.each([
    ['the kernel', true],
    ['a watching shell', false],
  ])('dies with its parent with the help of %s', async (_whose, kernelHelps) => {
    // A parent that starts a sleeper our way and is then killed -9.
    const script = `
      const { spawnMortal } = require(${JSON.stringify(join(projectRoot(), 'dist/apps/launcher/src/redis/dies-with-parent.js'))});
      process.stdout.write(String(spawnMortal('sleep', ['1000'], process.env, ${kernelHelps}).pid));
      setInterval(() => {}, 1000);`;
    const parent = spawnMortal(process.execPath, ['-e', script], process.env, false);
    let text = '';
    parent.stdout!.on('data', (data) => (text += data));
    await eventually(() => expect(text).toMatch(/^\d+$/));
    const sleeper = Number(text);
    expect(isAlive(sleeper)).toBe(true);
    parent.kill('SIGKILL');

    await eventually(() => expect(isAlive(sleeper)).toBe(false));
  });
});
