import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DeadLetters, Ledger, QueueConsumer } from '@conductor/bus';
import { type DeadLetter, inboundQueue, type InboundItem, type PlatformView, type RedriveTask, type SystemStatus } from '@conductor/contracts';
import { SetupFailure } from '@conductor/platform-kit';
import { until } from '@conductor/testing';
import { ConductorHarness, quiet } from './testing/harness';

describe('the conductor at start-up', () => {
  let system: ConductorHarness;
  afterEach(() => system.stop());

  const steps = async () => {
    const { body } = await system.call<{ items: Array<{ phase: string; platform?: string; result: string; ms: number }> }>('GET', '/v1/metrics/startup');
    return body.items.reverse();
  };

  it('starts platforms one after the other, in their order, and opens routing last', async () => {
    system = ConductorHarness.prepare({ STARTUP_PLATFORMS: 'first,second,third' });
    const order: string[] = [];
    let running = 0;
    const slow = (name: string) => ({
      name,
      create: () =>
        quiet({
          initialize: async () => {
            order.push(`${name} alone: ${running++ === 0}`);
            await new Promise((resolve) => setTimeout(resolve, 30));
            running--;
          },
        }),
    });
    await system.host(slow('third'), slow('second'), slow('first'));
    await system.start();
    await system.open();

    expect(order).toEqual(['first alone: true', 'second alone: true', 'third alone: true']);
    await until(async () => expect((await steps()).map(({ phase, platform, result }) => [phase, platform, result].filter(Boolean).join(' '))).toEqual([
      'configuration ok', 'database ok', 'health ok', 'platforms first ready', 'platforms second ready', 'platforms third ready', 'platforms ok', 'open ok',
    ]));
  });

  it('goes on without a platform that fails, and tries it again until it starts', async () => {
    system = ConductorHarness.prepare({ STARTUP_PLATFORMS: 'broken,fine' });
    let tries = 0;
    const { host } = await system.host(
      { name: 'broken', create: () => quiet({ initialize: async () => { if (++tries < 3) throw new Error('no connection'); } }) },
      { name: 'fine', create: () => quiet() },
    );
    await system.start();
    await system.open();

    expect(host.instances.find(({ name }) => name === 'fine')?.state.lifecycle).toBe('ready');
    await until(async () => expect((await steps()).find(({ platform }) => platform === 'broken')).toMatchObject({ result: 'failed', detail: 'no connection' }));
    await until(() => expect(host.instances.find(({ name }) => name === 'broken')?.state.lifecycle).toBe('ready'));
  });

  it('leaves a platform that needs a person alone until somebody restarts it', async () => {
    system = ConductorHarness.prepare({ STARTUP_PLATFORMS: 'discord' });
    let token = 'wrong';
    let tries = 0;
    const { host } = await system.host({ name: 'discord', create: () => quiet({ initialize: async () => { tries++; if (token === 'wrong') throw SetupFailure.needsAttention('the token is refused; set a new one'); } }) });
    await system.start();
    await system.open();

    await until(() => expect(host.instances[0]!.state).toMatchObject({ lifecycle: 'needs-attention', reason: 'the token is refused; set a new one' }));
    token = 'right';
    expect(tries).toBe(1);
    expect((await system.call('POST', '/v1/platforms/discord/restart')).status).toBe(200);
    await until(() => expect(host.instances[0]!.state.lifecycle).toBe('ready'));
  });

  it('goes on without a platform that takes too long, and lets it join later', async () => {
    system = ConductorHarness.prepare({ STARTUP_PLATFORMS: 'missing,quick' });
    await system.host({ name: 'quick', create: () => quiet() });
    await system.start();
    await system.open();

    await until(async () => expect((await steps()).find(({ platform }) => platform === 'missing')).toMatchObject({ result: 'missing' }));
    const { host } = await system.host({ name: 'missing', create: () => quiet() });
    await until(() => expect(host.instances[0]!.state.lifecycle).toBe('ready'));
  });

  it('makes the first admin key into a file that only its owner may read', async () => {
    system = ConductorHarness.prepare();
    await system.host({ name: 'any', create: () => quiet() });
    await system.start();
    await system.open();

    expect((await stat(join(system.config.home, 'admin-key'))).mode & 0o777).toBe(0o600);
    expect((await system.call('GET', '/v1/status')).status).toBe(200);
    expect((await system.call('GET', '/v1/status', undefined, { key: 'cnd_wrong-key-of-somebody' })).status).toBe(401);
  });

  it('hands over to a conductor that stands by', async () => {
    system = ConductorHarness.prepare({ STARTUP_PLATFORMS: 'one' });
    await system.host({ name: 'one', create: () => quiet() });
    const first = await system.start();
    await system.open();
    await system.start();
    expect((await system.call<SystemStatus>('GET', '/v1/status', undefined, { conductor: 1 })).status).toBe(200);

    await first.stop();
    await until(async () => {
      const { connections } = system.conductors[1]!.context;
      expect(await connections.commands.get(`${connections.namespace}:phase`)).toBe('open');
    });
  });
});

describe('the conductor', () => {
  let system: ConductorHarness;
  beforeAll(async () => {
    system = ConductorHarness.prepare({ STARTUP_PLATFORMS: 'discord,android' });
    await system.host({ name: 'discord', create: () => quiet() }, { name: 'android', create: () => quiet() });
    await system.start();
    await system.open();
  });
  afterAll(() => system.stop());

  it('tells the status of the whole system', async () => {
    const { body } = await system.call<SystemStatus>('GET', '/v1/status');

    expect(body).toMatchObject({ phase: 'open', uptimeMs: expect.any(Number), resources: { memory: { totalMb: expect.any(Number) } }, totals: { waiting: 0, deadLetters: expect.any(Number) } });
    expect(body.platforms.map(({ name }) => name)).toEqual(['android', 'discord']);
    expect(body.components.find(({ name }) => name === 'database')).toMatchObject({ state: 'up' });
  });

  it('shows one platform with its instances, breaker and queue', async () => {
    const { body } = await system.call<PlatformView>('GET', '/v1/platforms/discord');

    expect(body).toMatchObject({ name: 'discord', enabled: true, pinned: false, breaker: { position: 'closed' }, queue: { waiting: 0, active: 0, delayed: 0, oldestAgeMs: 0 } });
    expect(await system.call('GET', '/v1/platforms/myspace')).toMatchObject({ status: 404, body: { code: 'not-found', detail: expect.stringContaining('android, discord') } });
  });

  it.each([
    ['disable', { reason: 'maintenance' }, { enabled: false, state: 'disabled', reason: 'maintenance' }],
    ['enable', undefined, { enabled: true }],
    ['pin', undefined, { pinned: true }],
    ['pin', { pinned: false }, { pinned: false }],
  ])('can %s a platform, and writes that down', async (action, input, expected) => {
    const { status, body } = await system.call('POST', `/v1/platforms/discord/${action}`, input);

    expect(status).toBe(200);
    expect(body).toMatchObject(expected);
    const audit = await system.call<{ items: unknown[] }>('GET', `/v1/audit?subject=discord&action=platform.${action}`);
    expect(audit.body.items[0]).toMatchObject({ actor: 'admin', role: 'admin', action: `platform.${action}`, subject: 'discord' });
  });

  describe('scales a platform', () => {
    const scale = (body: unknown) => system.call<PlatformView>('POST', '/v1/platforms/discord/scale', body);

    it('as its definition allows, takes a wish back with null, and writes that down', async () => {
      expect(await scale({ concurrency: 30 })).toMatchObject({ status: 200, body: { wished: { instances: 1, concurrency: 30 } } });
      expect((await scale({ concurrency: null })).body.wished).toEqual({ instances: 1 });
      expect((await system.call<{ items: unknown[] }>('GET', '/v1/audit?subject=discord&action=platform.scale')).body.items).toEqual([
        expect.objectContaining({ actor: 'admin', before: expect.objectContaining({ concurrency: 30 }) }),
        expect.objectContaining({ after: expect.objectContaining({ concurrency: 30 }) }),
      ]);
    });

    it.each<[string, unknown, number, string, RegExp]>([
      ['nothing', {}, 400, 'invalid-request', /./],
      ['no process', { instances: 0 }, 400, 'invalid-request', /./],
      ['too many processes', { instances: 9 }, 400, 'invalid-request', /./],
      ['a word', { concurrency: 'many' }, 400, 'invalid-request', /./],
      ['an unknown field', { replicas: 2 }, 400, 'invalid-request', /./],
      ['more processes where no launcher runs', { instances: 2 }, 409, 'conflict', /No launcher runs here/],
    ])('and refuses %s, with the reason', async (_, body, status, code, detail) => {
      expect(await scale(body)).toMatchObject({ status, body: { code, detail: expect.stringMatching(detail) } });
    });

    it('and knows no platform that never was', async () => {
      expect((await system.call('POST', '/v1/platforms/myspace/scale', { concurrency: 2 })).status).toBe(404);
    });
  });

  it('chains its audit log so that tampering shows', async () => {
    await system.call('POST', '/v1/platforms/discord/pin', { pinned: true });

    expect((await system.call('GET', '/v1/audit/verify')).body).toMatchObject({ ok: true });
  });

  it('holds a breaker open and lets it go', async () => {
    expect((await system.call('PUT', '/v1/breakers/discord', { force: 'open' })).status).toBe(200);
    expect((await system.call<PlatformView>('GET', '/v1/platforms/discord')).body.breaker.forced).toBe('open');
    await system.call('PUT', '/v1/breakers/discord', { force: 'none' });
    expect((await system.call<PlatformView>('GET', '/v1/platforms/discord')).body.breaker.forced).toBeUndefined();
  });

  describe('keeps route rules', () => {
    const rule = (target: string) => ({ match: { kind: ['chat'], content: '^!play' }, target, fallbacks: ['android'] });

    it('adds, changes, orders and removes them', async () => {
      await system.call('PUT', '/v1/routes/music', rule('discord'));
      await system.call('PUT', '/v1/routes/first', { ...rule('android'), position: 0 });
      await system.call('PUT', '/v1/routes/music', rule('youtube'));
      const { body } = await system.call<{ rules: Array<{ id: string; target: string }> }>('GET', '/v1/routes');

      expect(body.rules.map(({ id, target }) => `${id}→${target}`)).toEqual(['first→android', 'music→youtube']);
      expect((await system.call('DELETE', '/v1/routes/first')).status).toBe(200);
      expect((await system.call('DELETE', '/v1/routes/first')).status).toBe(404);
    });

    it.each([
      ['a pattern that is none', { match: { content: '(' }, target: 'discord' }, 422, 'invalid-rule'],
      ['a time zone that does not exist', { match: { time: { timezone: 'Mars/Olympus' } }, target: 'discord' }, 422, 'invalid-rule'],
      ['a field nobody knows', { match: { colour: 'red' }, target: 'discord' }, 400, 'invalid-request'],
    ])('refuses %s', async (_what, body, status, code) => {
      expect(await system.call('PUT', '/v1/routes/bad', body)).toMatchObject({ status, body: { code } });
    });

    it('refuses a change made from an old version', async () => {
      const { body } = await system.call<{ version: number }>('GET', '/v1/routes');
      await system.call('PUT', '/v1/routes/other', rule('discord'));

      expect(await system.call('PUT', '/v1/routes', { rules: [], version: body.version })).toMatchObject({ status: 409, body: { code: 'conflict' } });
    });
  });

  describe('keeps dead letters', () => {
    let deadLetters: DeadLetters;
    let ledger: Ledger;
    const redriven: InboundItem[] = [];
    let routers: QueueConsumer<typeof inboundQueue>;

    beforeAll(async () => {
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

    it('tells what a redrive would take without taking it', async () => {
      await letter('d1');

      expect((await system.call('POST', '/v1/dead-letters/redrive', { filter: {}, dryRun: true })).body).toEqual({ dryRun: true, matched: 1, ids: ['d1'] });
      expect(redriven).toEqual([]);
    });

    it('redrives by filter as one task that tells how far it is, and leaves out what was answered meanwhile', async () => {
      await letter('r1');
      await letter('r2');
      await letter('r3', { code: 'rejected' });
      await ledger.settle({ id: 'r2' } as never, { state: 'answered', answer: {} }, { at: Date.now(), step: 'answered' });
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

    it('discards for good', async () => {
      await letter('x1');
      expect((await system.call('DELETE', '/v1/dead-letters/x1')).status).toBe(200);

      expect((await system.call('GET', '/v1/dead-letters/x1')).status).toBe(404);
      expect((await ledger.read('x1'))?.state).toBe('discarded');
    });
  });

  it('makes and revokes keys, and shows none of them again', async () => {
    const made = await system.call<{ id: string; key: string }>('POST', '/v1/keys', { name: 'phone', role: 'viewer' });
    expect(made.status).toBe(201);
    expect((await system.call('GET', '/v1/status', undefined, { key: made.body.key })).status).toBe(200);
    expect((await system.call('POST', '/v1/platforms/discord/disable', {}, { key: made.body.key })).status).toBe(403);
    expect(JSON.stringify((await system.call('GET', '/v1/keys')).body)).not.toContain(made.body.key);

    await system.call('DELETE', `/v1/keys/${made.body.id}`);
    await until(async () => expect((await system.call('GET', '/v1/status', undefined, { key: made.body.key })).status).toBe(401));
  });

  it('streams what happens', async () => {
    const gone = new AbortController();
    const { url, context } = system.conductors[0]!;
    const key = (await system.call<{ key: string }>('POST', '/v1/keys', { name: 'stream', role: 'viewer' })).body.key;
    const response = await fetch(`${url}/v1/events?types=process`, { headers: { authorization: `Bearer ${key}` }, signal: gone.signal });
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    await context.notices.publish({ type: 'process', process: { app: 'voice', state: 'quarantined', restarts: 5, reason: 'died 5 times', at: 1 } });

    let text = '';
    while (!text.includes('quarantined')) text += (await reader.read()).value;
    expect(text).toContain('event: process');
    gone.abort();
  });

  it('shows its queues in Bull Board only to people who logged in', async () => {
    const { url } = system.conductors[0]!;
    expect((await fetch(`${url}/queues/api/queues`)).status).toBe(401);

    const key = (await system.call<{ key: string }>('POST', '/v1/keys', { name: 'board', role: 'viewer' })).body.key;
    const session = await fetch(`${url}/session`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ key }) });
    const cookie = session.headers.get('set-cookie')!;
    expect(cookie).toMatch(/HttpOnly/i);
    expect(cookie).toMatch(/SameSite=Strict/i);
    const board = await fetch(`${url}/queues/api/queues`, { headers: { cookie: cookie.split(';')[0]! } });
    const { queues } = (await board.json()) as { queues: Array<{ name: string }> };
    expect(queues.map(({ name }) => name).sort()).toEqual(['dead-letter', 'inbound', 'platform.android', 'platform.discord']);
  });
});
