import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findRedis } from './find-redis';

describe('looking for a Redis', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'find-redis-'))));
  afterEach(() => rmSync(folder, { recursive: true }));
  const program = (name: string, script: string, ...path: string[]) => {
    mkdirSync(join(folder, ...path), { recursive: true });
    const file = join(folder, ...path, name);
    writeFileSync(file, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o755);
    return file;
  };
  const find = () => findRedis({ path: join(folder, 'bin'), runtimeDir: join(folder, 'runtime'), say: () => undefined });

  it('takes the one on the PATH', async () => {
    const command = program('redis-server', 'echo "Redis server v=7.4.1 sha=00000000:0"', 'bin');

    await expect(find()).resolves.toMatchObject({ command, version: 'Redis 7.4.1' });
  });

  it('takes Valkey as well', async () => {
    const command = program('valkey-server', 'echo "Valkey server v=8.0.2 sha=00000000:0"', 'bin');

    await expect(find()).resolves.toMatchObject({ command, version: 'Valkey 8.0.2' });
  });

  it('takes one fetched earlier when that on the PATH is too old', async () => {
    program('redis-server', 'echo "Redis server v=5.0.7"', 'bin');
    const command = program('redis-server', 'echo "Redis server v=7.0.15"', 'runtime', 'redis', 'usr', 'bin');

    await expect(find()).resolves.toMatchObject({ command });
  });

  it('has Homebrew install one where that is the package manager', async () => {
    const command = program('redis-server', 'echo "Redis server v=8.2.1 sha=00000000:0"', 'cellar', 'bin');
    program('brew', `[ "$1 $2 $3" = "install --quiet redis" ] && echo done > ${join(folder, 'installed')}; [ "$1 $2" = "--prefix redis" ] && [ -f ${join(folder, 'installed')} ] && echo ${join(folder, 'cellar')}; exit 0`, 'bin');

    await expect(find()).resolves.toMatchObject({ command, version: 'Redis 8.2.1' });
  });

  it('says what Homebrew said when it cannot', async () => {
    program('brew', 'echo "Warning: something else" >&2; echo "Error: no bottle for this system" >&2; exit 1', 'bin');

    await expect(find()).rejects.toThrow(/brew: Error: no bottle for this system[^]*macOS: brew install redis/);
  });

  it('fails with what was tried and three ways out when none can be had', async () => {
    program('redis-server', 'echo "Redis server v=5.0.7"', 'bin');
    program('dpkg', 'exit 0', 'bin');
    program('apt-get', 'echo "E: Unable to locate package redis-server" >&2; exit 100', 'bin');

    const message = await find().catch((error: Error) => error.message);
    expect(message).toMatch(/is Redis 5.0.7; 6 is the oldest that works/);
    expect(message).toMatch(/apt-get: E: Unable to locate package redis-server/);
    expect(message).toMatch(/1\. install one[^]*2\. use one that you have: REDIS_URL=[^]*3\. run everything in containers: docker compose/);
  });

  it('says so when there is no package manager to fetch one with', async () => {
    mkdirSync(join(folder, 'bin'));

    await expect(find()).rejects.toThrow(/no redis-server or valkey-server on the PATH[^]*neither apt-get .* nor Homebrew/);
  });
});
