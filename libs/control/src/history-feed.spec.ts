import type { HistoryRow } from '@conductor/contracts';
import { forget, openTestContext, RedisProxy, testConfig, until } from '@conductor/testing';
import { HistoryFeed } from './history-feed';
import { HistoryStream } from './history-stream';

const step = (ms: number) => ({ at: 1, boot: 'b', phase: 'p', result: 'ok', ms });
const numbersOf = (rows: readonly HistoryRow[]) => rows.map(({ row }) => ('ms' in row ? row.ms : NaN));

describe('The feed of history', () => {
  const closing: Array<() => unknown> = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  const open = async (redisUrl?: string) => {
    const config = testConfig(redisUrl === undefined ? {} : { REDIS_URL: redisUrl });
    // What it says of Redis, it says past the proxy.
    const direct = await openTestContext('conductor', testConfig({ CONDUCTOR_NAMESPACE: config.namespace }));
    const { connections, logger, resources } = await openTestContext('stubs', config);
    closing.push(() => forget(direct.config), () => direct.resources.drain(), () => resources.drain());
    const [feed, stream] = [new HistoryFeed(connections, logger), new HistoryStream(direct.connections)];
    const sent = async () => (await stream.oldest(100)).flatMap(({ rows }) => rows);
    return { feed, stream, sent, commands: direct.connections.commands, key: `${config.namespace}:history` };
  };

  it('sends the rows of one moment side by side, each with an id of its own', async () => {
    const { feed, stream, sent } = await open();
    for (let ms = 0; ms < 100; ms++) feed.add('startup-step', step(ms));

    await until(async () => expect(await sent()).toHaveLength(100));
    expect(await stream.waiting()).toMatchObject({ entries: 1, isFull: false });
    expect(numbersOf(await sent())).toEqual(Array.from({ length: 100 }, (_, ms) => ms));
    expect(new Set((await sent()).map(({ id }) => id)).size).toBe(100);
    expect(await feed.health()).toEqual({ up: true, reason: '0 rows wait here, 1 entries in Redis' });
  });

  it('keeps what comes while Redis is away, and sends it when it is back', async () => {
    const proxy = await new RedisProxy().open();
    closing.push(() => proxy.cut());
    const { feed, sent } = await open(proxy.url);
    await proxy.cut();
    for (let ms = 0; ms < 250; ms++) feed.add('startup-step', step(ms));
    await until(async () => expect(await feed.health()).toEqual({ up: false, reason: expect.stringMatching(/^Redis takes no history \(.+\); 250 rows wait here$/) }));
    expect(await sent()).toEqual([]);

    await proxy.open();
    await until(async () => expect(numbersOf(await sent())).toEqual(Array.from({ length: 250 }, (_, ms) => ms)), 20_000);
    expect((await feed.health()).up).toBe(true);
  });

  it('keeps no more than it may, the newest, and says how many are lost', async () => {
    const proxy = await new RedisProxy().open();
    closing.push(() => proxy.cut());
    const { feed, sent } = await open(proxy.url);
    await proxy.cut();
    for (let ms = 0; ms < 5_300; ms++) feed.add('startup-step', step(ms));
    await until(async () => expect((await feed.health()).reason).toMatch(/; 5000 rows wait here; 300 are lost$/));

    await proxy.open();
    await until(async () => expect(await sent()).toHaveLength(5_000), 20_000);
    expect(numbersOf(await sent())[0]).toBe(300);
    await until(async () => expect(await feed.health()).toEqual({ up: true, reason: expect.stringMatching(/^0 rows wait here, \d+ entries in Redis; 300 are lost$/) }));
  });

  it('sends what is left when it is closed', async () => {
    const { feed, sent } = await open();
    feed.add('startup-step', step(1));
    await feed.close();

    expect(numbersOf(await sent())).toEqual([1]);
  });

  it('says that nobody takes them when rows have waited for long', async () => {
    const { feed, commands, key } = await open();
    // An id is a time: this entry waits since 1970.
    await commands.xadd(key, '1-0', 'rows', '[]');

    expect(await feed.health()).toEqual({ up: false, reason: expect.stringMatching(/^nobody writes history into the database: 1 entries wait in Redis, the oldest for \d+ s\. Does a conductor run/) });
  });
});
