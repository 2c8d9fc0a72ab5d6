import { request } from 'node:http';
import { connect } from 'node:net';
import { RedisProxy, until } from '@conductor/testing';
import { ConductorHarness } from '../testing/harness';

const CONDUCTOR_ADMIN_KEY = 'an-admin-key-for-the-events';

interface Block {
  id?: string;
  event?: string;
  data?: string;
  comment?: string;
  retry?: string;
}

/** Reads what comes block by block, as it was written. */
class Reader {
  readonly blocks: Block[] = [];
  ended = false;
  private readonly call;

  constructor(url: string, { types = 'process', lastEventId }: { types?: string; lastEventId?: string | undefined } = {}) {
    let rest = '';
    this.call = request(`${url}/v1/events?types=${types}`, { headers: { authorization: `Bearer ${CONDUCTOR_ADMIN_KEY}`, ...(lastEventId !== undefined && { 'last-event-id': lastEventId }) } }, (response) => {
      response.setEncoding('utf8').on('data', (text: string) => {
        const blocks = (rest + text).split('\n\n');
        rest = blocks.pop()!;
        for (const block of blocks) this.take(block);
      });
      response.on('close', () => (this.ended = true));
    });
    this.call.on('error', () => (this.ended = true)).end();
  }

  get events(): Array<[id: string | undefined, type: string, app: string]> {
    return this.blocks.filter(({ event }) => event === 'process').map(({ id, event, data }) => [id, event!, (JSON.parse(data!) as { process: { app: string } }).process.app]);
  }

  get apps(): string[] {
    return this.events.map(([, , app]) => app);
  }

  get gaps(): Block[] {
    return this.blocks.filter(({ event }) => event === 'gap');
  }

  close(): void {
    this.call.destroy();
  }

  private take(block: string): void {
    const lines = block.split('\n').filter(Boolean).map((line): [string, string] => [line.slice(0, line.indexOf(':')) || 'comment', line.slice(line.indexOf(':') + 1).trim()]);
    if (lines.length > 0) this.blocks.push(Object.fromEntries(lines));
  }
}

let system: ConductorHarness;
const readers: Reader[] = [];
const open = (options?: { types?: string; lastEventId?: string | undefined }, conductor = 0): Reader => {
  const reader = new Reader(system.conductors[conductor]!.url, options);
  readers.push(reader);
  return reader;
};
const happens = (app: string, reason = 'x') => system.conductors[0]!.context.notices.publish({ type: 'process', process: { app, state: 'ready', restarts: 0, reason, at: 1 } });

beforeAll(async () => {
  system = ConductorHarness.prepare({ CONDUCTOR_ADMIN_KEY, STARTUP_GIVE_UP_MS: '100' });
  const { url } = await system.start();
  await until(async () => expect((await fetch(`${url}/v1/status`, { headers: { authorization: `Bearer ${CONDUCTOR_ADMIN_KEY}` } })).status).toBe(200));
});
afterEach(() => readers.splice(0).forEach((reader) => reader.close()));
afterAll(() => system.stop());

describe('the event stream', () => {
  it('says something at once, with the id from which it goes on', async () => {
    const reader = open();

    await until(() => expect(reader.blocks).toEqual([{ id: expect.stringMatching(/^conductor-\w+:\d+$/), retry: '2000', comment: 'connected' }]));
  });

  it('hands in what a reader missed while it was away: nothing twice, nothing left out', async () => {
    const first = open();
    await until(() => expect(first.blocks).toHaveLength(1));
    await happens('one');
    await until(() => expect(first.apps).toEqual(['one']));
    first.close();
    for (const app of ['two', 'three']) await happens(app);
    const again = open({ lastEventId: first.events[0]![0] });
    await until(() => expect(again.apps).toEqual(['two', 'three']));
    await happens('four');

    await until(() => expect(again.apps).toEqual(['two', 'three', 'four']));
    expect(again.gaps).toEqual([]);
    expect(new Set(again.events.map(([id]) => id)).size).toBe(3);
  });

  it('goes on, too, for a reader that has seen nothing but the greeting', async () => {
    const first = open();
    await until(() => expect(first.blocks).toHaveLength(1));
    first.close();
    await happens('meanwhile');
    const again = open({ lastEventId: first.blocks[0]!.id });

    await until(() => expect(again.apps).toEqual(['meanwhile']));
  });

  it.each(['3', 'conductor-0000:12', 'nonsense', ':', 'x:99999999999999999999'])('says with one gap that an id leads nowhere: %s', async (lastEventId) => {
    const reader = open({ lastEventId });
    await until(() => expect(reader.gaps).toEqual([{ id: expect.stringMatching(/^conductor-\w+:\d+$/), event: 'gap', retry: '2000', data: expect.stringContaining('another process') }]));
    await happens('after');

    await until(() => expect(reader.apps).toEqual(['after']));
    expect(reader.gaps).toHaveLength(1);
  });

  it('says with one gap that an id is too old, and keeps no more than its bounds', async () => {
    const first = open();
    await until(() => expect(first.blocks).toHaveLength(1));
    await happens('before');
    await until(() => expect(first.apps).toEqual(['before']));
    for (let n = 0; n < 60; n++) await happens('large', 'x'.repeat(10_000));
    await until(() => expect(first.apps).toHaveLength(61));
    const late = open({ lastEventId: first.events[0]![0] });
    const inTime = open({ lastEventId: first.events.at(-3)![0] });

    await until(() => expect(late.gaps).toEqual([expect.objectContaining({ data: expect.stringContaining('too old') })]));
    await until(() => expect(inTime.apps).toEqual(['large', 'large']));
    expect(late.apps).toEqual([]);
  });

  it('says with a gap that another conductor was asked before', async () => {
    const first = open();
    await until(() => expect(first.blocks).toHaveLength(1));
    await system.start();
    const other = open({ lastEventId: first.blocks[0]!.id }, 1);

    await until(() => expect(other.gaps).toHaveLength(1));
    await system.conductors.pop()!.stop();
  });

  it('writes a comment every fifteen seconds while nothing happens, which names the place to go on from', async () => {
    const reader = open({ types: 'breaker' });
    await until(() => expect(reader.blocks).toHaveLength(1));
    await happens('unwanted');

    await until(() => expect(reader.blocks.at(-1)).toEqual({ id: expect.stringMatching(/^conductor-\w+:\d+$/), comment: 'heartbeat' }), 60_000);
    expect(reader.blocks.at(-1)!.id).not.toBe(reader.blocks[0]!.id);
  }, 90_000);

  it('cuts a reader off that does not read, and goes on for the others', async () => {
    const { url, nest } = system.conductors[0]!;
    const { port, hostname } = new URL(url);
    const server = nest.getHttpServer();
    const connections = () => new Promise<number>((resolve, reject) => server.getConnections((error, count) => (error ? reject(error) : resolve(count))));
    const reader = open();
    await until(() => expect(reader.blocks).toHaveLength(1));
    const before = await connections();
    const deaf = connect(Number(port), hostname).on('error', () => {});
    deaf.write(`GET /v1/events HTTP/1.1\r\nhost: ${hostname}\r\nauthorization: Bearer ${CONDUCTOR_ADMIN_KEY}\r\n\r\n`);
    await new Promise((resolve) => deaf.once('data', resolve));
    deaf.pause();
    expect(await connections()).toBe(before + 1);

    // More than the kernel keeps for a connection, and what we do.
    await until(async () => {
      for (let n = 0; n < 20; n++) await happens('flood', 'x'.repeat(100_000));
      expect(await connections()).toBeLessThanOrEqual(before);
    }, 60_000);
    await happens('still here');

    await until(() => expect(reader.apps.at(-1)).toBe('still here'));
    deaf.destroy();
  }, 90_000);
});

it('a reader is told when Redis was away, since nobody heard what happened meanwhile', async () => {
  const proxy = new RedisProxy();
  await proxy.open();
  const other = ConductorHarness.prepare({ CONDUCTOR_ADMIN_KEY, STARTUP_GIVE_UP_MS: '100', REDIS_URL: proxy.url });
  const { url } = await other.start();
  await until(async () => expect((await fetch(`${url}/v1/status`, { headers: { authorization: `Bearer ${CONDUCTOR_ADMIN_KEY}` } })).status).toBe(200));
  const reader = new Reader(url);
  await until(() => expect(reader.blocks).toHaveLength(1));

  await proxy.cut();
  await until(() => expect(other.conductors[0]!.context.connections.isReady).toBe(false));
  await proxy.open();

  await until(() => expect(reader.gaps).toEqual([expect.objectContaining({ data: expect.stringContaining('Redis was away') })]), 20_000);
  reader.close();
  await other.stop();
  await proxy.cut();
}, 60_000);
