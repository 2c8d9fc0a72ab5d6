import type { AppContext } from '@conductor/http';
import { forget, openTestContext, until } from '@conductor/testing';
import { MemoryPlatformStorage } from './memory-storage';
import type { PlatformStorage } from './platform-plugin';
import { RedisPlatformStorage } from './platform-storage';

let context: AppContext;
beforeAll(async () => void (context = await openTestContext('stubs')));
afterAll(async () => {
  await context.resources.drain();
  await forget(context.config);
});

let platforms = 0;
const inRedis = (platform = `p${++platforms}`) => new RedisPlatformStorage(context.connections.commands, context.config.namespace, platform);

describe.each<[string, () => PlatformStorage]>([
  ['Redis', inRedis],
  ['memory', () => new MemoryPlatformStorage()],
])('storage in %s', (_, open) => {
  it('gives back what was set, and nothing for what was not', async () => {
    const storage = open();
    await storage.set('device', { id: 1, tags: ['a'] });

    expect(await storage.get('device')).toEqual({ id: 1, tags: ['a'] });
    expect(await storage.get('other')).toBeUndefined();
  });

  it('tells whether there was anything to delete', async () => {
    const storage = open();
    await storage.set('a', 1);
    await storage.append('list', 1, 5);

    expect([await storage.delete('a'), await storage.delete('a'), await storage.delete('list')]).toEqual([true, false, true]);
    expect(await storage.after('list', 0)).toEqual([]);
  });

  it('lists its keys by prefix, sorted, and treats wildcards as plain letters', async () => {
    const storage = open();
    for (const key of ['device:2', 'device:1', 'token:1', 'dev*']) await storage.set(key, true);
    await storage.append('device:list', 1, 5);

    expect(await storage.keys('device:')).toEqual(['device:1', 'device:2', 'device:list']);
    expect(await storage.keys('dev*')).toEqual(['dev*']);
    expect(await storage.keys()).toHaveLength(5);
  });

  it('keeps the newest entries of a list, and their positions', async () => {
    const storage = open();
    const positions: number[] = [];
    for (const value of ['a', 'b', 'c', 'c']) positions.push(await storage.append('list', value, 3));

    expect(positions.map((position) => position - positions[0]!)).toEqual([0, 1, 2, 3]);
    expect((await storage.after('list', 0)).map(({ value }) => value)).toEqual(['b', 'c', 'c']);
    expect((await storage.after('list', positions[2]!)).map(({ value }) => value)).toEqual(['c']);
    expect(await storage.after('list', positions[3]!)).toEqual([]);
  });

  it('counts', async () => {
    const storage = open();

    expect([await storage.increment('n'), await storage.increment('n', 4), await storage.increment('n', -2)]).toEqual([1, 5, 3]);
  });
});

describe('storage in Redis', () => {
  it('is invisible to other platforms, also to one whose name begins alike', async () => {
    const [discord, other] = [inRedis('discord'), inRedis('discord-b')];
    await discord.set('token', 'a');
    await discord.append('list', 'a', 5);
    await other.set('token', 'b');

    expect([await discord.get('token'), await other.get('token')]).toEqual(['a', 'b']);
    expect(await other.after('list', 0)).toEqual([]);
    expect([await discord.keys(), await other.keys()]).toEqual([['list', 'token'], ['token']]);
  });

  it('forgets what has a time to live', async () => {
    const storage = inRedis();
    await storage.set('token', 1, 30);
    await storage.increment('count', 1, 30);
    await storage.append('list', 1, 5, 30);

    await until(async () => {
      expect([await storage.get('token'), await storage.get('count'), await storage.after('list', 0)]).toEqual([undefined, undefined, []]);
    });
  });

  it('gives every entry a position of its own when many are added at once', async () => {
    const storage = inRedis();
    const positions = await Promise.all(Array.from({ length: 50 }, (_, value) => storage.append('list', value, 100)));

    expect(new Set(positions).size).toBe(50);
    expect(await storage.after('list', 0)).toHaveLength(50);
  });
});
