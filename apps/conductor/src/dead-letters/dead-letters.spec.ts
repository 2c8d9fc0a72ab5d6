import { DeadLetters, Ledger, QueueConsumer } from '@conductor/bus';
import { type DeadLetter, inboundQueue, type InboundItem, type RedriveTask } from '@conductor/contracts';
import { until } from '@conductor/testing';
import { ConductorHarness, quiet } from '../testing/harness';

describe('a conductor’s dead letters', () => {
  let system: ConductorHarness;
  let deadLetters: DeadLetters;
  let ledger: Ledger;
  const redriven: InboundItem[] = [];
  let routers: QueueConsumer<typeof inboundQueue>;

  beforeAll(async () => {
    system = ConductorHarness.prepare();
    await system.host({ name: 'discord', create: () => quiet() }, { name: 'android', create: () => quiet() });
    await system.start();
    await system.open();
    const { connections, config, logger } = system.conductors[0]!.context;
    deadLetters = new DeadLetters(connections.forProducer(), connections.namespace);
    ledger = new Ledger(connections.commands, connections.namespace, config.messages);
    await connections.untilReady();
    routers = new QueueConsumer(inboundQueue, { handle: async ({ items }) => { redriven.push(...items); }, giveUp: async () => {} }, { connection: connections.forWorker(), namespace: connections.namespace, concurrency: 1, lockMs: 5_000, logger });
    routers.start();
  });
  beforeEach(async () => {
    redriven.length = 0;
    await system.call('POST', '/v1/dead-letters/discard', { filter: {} });
  });
  afterAll(async () => {
    await routers.close();
    await deadLetters.close();
    await system.stop();
  });

  const letter = async (id: string, overrides: Partial<DeadLetter> = {}): Promise<void> => {
    const request = { id, source: 'rest', kind: 'message', content: `content of ${id}`, deadlineMs: 5_000, waitFor: 'answer' as const, receivedAt: Date.now(), trace: `trace-${id}` };
    await ledger.accept(request, [{ at: Date.now(), step: 'accepted' }]);
    await deadLetters.add({ id, request, platform: 'discord', code: 'timeout', reason: 'no answer', at: Date.now(), by: 'discord-1', attempts: [], trace: request.trace, ...overrides });
    await ledger.settle(request, { state: 'dead-lettered', code: 'timeout', reason: 'no answer' }, { at: Date.now(), step: 'dead-lettered' });
  };
  const ids = async (query: string) => (await system.call<{ items: DeadLetter[] }>('GET', `/v1/dead-letters?${query}`)).body.items.map(({ id }) => id);

  it.each([
    ['platform', 'platform=android', ['l3']],
    ['code', 'code=rejected', ['l2']],
    ['age', 'olderThanMs=60000', ['l1']],
    ['text in the payload, case ignored', 'text=CONTENT%20OF%20L2', ['l2']],
    ['text in the reason', 'text=cat', ['l3']],
    ['nothing', '', ['l3', 'l2', 'l1']],
  ])('finds them by %s, newest first', async (_what, query, expected) => {
    await letter('l1', { at: Date.now() - 120_000 });
    await letter('l2', { code: 'rejected' });
    await letter('l3', { platform: 'android', reason: 'the cat did it' });

    expect(await ids(query)).toEqual(expected);
  });

  it('pages through them', async () => {
    for (const n of [1, 2, 3, 4, 5]) await letter(`p${n}`);
    const first = await system.call<{ items: DeadLetter[]; next: string; total: number }>('GET', '/v1/dead-letters?limit=2');

    expect(first.body.total).toBe(5);
    expect(await ids(`limit=2&after=${first.body.next}`)).toEqual(['p3', 'p2']);
  });

  it('goes on with the next page when the letter at which the last one ended was discarded meanwhile', async () => {
    for (const n of [1, 2, 3, 4]) await letter(`g${n}`);
    const first = await system.call<{ next: string }>('GET', '/v1/dead-letters?limit=2');
    await system.call('POST', '/v1/dead-letters/discard', { ids: ['g4', 'g3'] });

    expect(await ids(`limit=2&after=${first.body.next}`)).toEqual(['g2', 'g1']);
    expect(await system.call('GET', '/v1/dead-letters?after=g4')).toMatchObject({ status: 400, body: { errors: [{ field: 'after' }] } });
  });

  it('tells what a redrive would take without taking it', async () => {
    await letter('d1');

    expect((await system.call('POST', '/v1/dead-letters/redrive', { filter: {}, dryRun: true })).body).toEqual({ dryRun: true, matched: 1, ids: ['d1'] });
    expect(redriven).toEqual([]);
  });

  it('redrives by filter as one task that tells how far it is, and leaves out what was answered meanwhile', async () => {
    await letter('r1');
    await letter('r2');
    await letter('r3', { code: 'rejected' });
    await ledger.settle({ id: 'r2' }, { state: 'answered', answer: {} }, { at: Date.now(), step: 'answered' });
    const { status, body } = await system.call<RedriveTask>('POST', '/v1/dead-letters/redrive', { filter: { code: 'timeout' }, to: 'android', ratePerSecond: 1_000 });

    expect(status).toBe(202);
    await until(async () => expect((await system.call('GET', `/v1/redrives/${body.id}`)).body).toMatchObject({ state: 'done', total: 2, redriven: 1, skipped: 1 }));
    await until(() => expect(redriven).toMatchObject([{ type: 'redrive', to: 'android', request: { id: 'r1' } }]));
    expect(await ids('')).toEqual(['r3', 'r1']);
  });

  it('stops a redrive that is cancelled, and runs one at a time', async () => {
    for (let n = 0; n < 20; n++) await letter(`c${n}`);
    const { body } = await system.call<RedriveTask>('POST', '/v1/dead-letters/redrive', { filter: {}, ratePerSecond: 10 });
    expect((await system.call('POST', '/v1/dead-letters/redrive', { filter: {} })).status).toBe(409);

    expect((await system.call('DELETE', `/v1/redrives/${body.id}`)).body).toMatchObject({ state: 'cancelled' });
    await until(async () => expect((await system.call('POST', '/v1/dead-letters/redrive', { ids: ['c0'] })).status).toBe(202));
    const { body: ended } = await system.call<RedriveTask>('GET', `/v1/redrives/${body.id}`);
    expect(ended.state).toBe('cancelled');
    expect(ended.redriven).toBeLessThan(20);
  });

  it('runs one of several redrives that are asked for in the same moment', async () => {
    for (let n = 0; n < 20; n++) await letter(`m${n}`);
    const answers = await Promise.all([1, 2, 3, 4].map(() => system.call<RedriveTask>('POST', '/v1/dead-letters/redrive', { filter: {}, ratePerSecond: 20 })));

    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409, 409, 409]);
    const started = answers.find(({ status }) => status === 202)!.body.id;
    await system.call('DELETE', `/v1/redrives/${started}`);
  });

  it('makes way at once when one is cancelled whose rate leaves hours between two letters', async () => {
    await letter('s1');
    await letter('s2');
    const slow = () => system.call<RedriveTask>('POST', '/v1/dead-letters/redrive', { filter: {}, ratePerSecond: 1e-9 });
    await until(async () => expect((await slow()).status).toBe(202));
    await until(() => expect(redriven).toHaveLength(1));
    const running = (await system.call<{ items: RedriveTask[] }>('GET', '/v1/redrives')).body.items[0]!;
    await system.call('DELETE', `/v1/redrives/${running.id}`);

    await until(async () => expect((await system.call('POST', '/v1/dead-letters/redrive', { ids: ['s2', 's2'] })).body).toMatchObject({ total: 1 }));
    await until(() => expect(redriven).toHaveLength(2));
  });

  it('refuses a redrive to a platform that does not exist, and leaves the letters where they are', async () => {
    await letter('w1');

    expect(await system.call('POST', '/v1/dead-letters/redrive', { filter: {}, to: 'myspace' })).toMatchObject({ status: 422, body: { code: 'unknown-platform', detail: expect.stringContaining('android, discord') } });
    expect(await ids('')).toEqual(['w1']);
  });

  it('discards for good', async () => {
    await letter('x1');
    expect((await system.call('DELETE', '/v1/dead-letters/x1')).status).toBe(200);

    expect((await system.call('GET', '/v1/dead-letters/x1')).status).toBe(404);
    expect((await ledger.read('x1'))?.state).toBe('discarded');
  });

  it('discards many large ones in steps, and other calls are answered in between', async () => {
    const content = 'x'.repeat(300 * 1_024);
    const request = (id: string) => ({ id, source: 'rest', kind: 'message', content, deadlineMs: 5_000, waitFor: 'answer' as const, receivedAt: Date.now(), trace: 't' });
    for (let n = 0; n < 300; n++) await letter(`big${n}`, { request: request(`big${n}`) });

    let answered = 0;
    let isDone = false;
    const others = (async () => {
      while (!isDone) {
        expect((await system.call('GET', '/v1/dead-letters?limit=1&code=none')).status).toBe(200);
        answered++;
      }
    })();
    const discarded = await system.call('POST', '/v1/dead-letters/discard', { filter: { platform: 'discord' } });
    isDone = true;
    await others;

    expect(discarded.body).toEqual({ discarded: 300 });
    expect(answered).toBeGreaterThan(1);
    expect((await system.call<{ total: number }>('GET', '/v1/dead-letters')).body).toEqual({ total: 0, items: [] });
  });

  it('shows, finds, redrives and discards one whose content lies beside the queue', async () => {
    const content = `needle ${'x'.repeat(200 * 1_024)} haystack`;
    const request = await ledger.checkIn({ id: 'large', source: 'rest', kind: 'message', content, deadlineMs: 5_000, waitFor: 'answer', receivedAt: Date.now(), trace: 't' });
    await letter('large', { request });
    const { commands, namespace } = system.conductors[0]!.context.connections;
    const [body] = await commands.keys(`{${namespace}.ledger}:large:body:*`);

    expect((await system.call<DeadLetter>('GET', '/v1/dead-letters/large')).body.request.content).toBe(content);
    expect((await system.call<{ items: DeadLetter[] }>('GET', '/v1/dead-letters?text=haystack')).body.items).toMatchObject([{ id: 'large', request: { content } }]);
    await system.call('POST', '/v1/dead-letters/redrive', { ids: ['large'] });
    await until(() => expect(redriven).toMatchObject([{ request: { id: 'large', claimCheck: request.claimCheck } }]));
    expect(JSON.stringify(redriven).length).toBeLessThan(64 * 1_024);

    await system.call('DELETE', '/v1/dead-letters/large');
    expect(await commands.pttl(body!)).toBeLessThanOrEqual(system.conductors[0]!.context.config.messages.keyedRetentionMs);
  });
});
