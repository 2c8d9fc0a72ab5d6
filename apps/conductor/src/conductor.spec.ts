import type { PlatformView, SystemStatus } from '@conductor/contracts';
import { until } from '@conductor/testing';
import { ConductorHarness, quiet } from './testing/harness';

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

  it('says when a connection to Redis is not back yet, and refuses a redrive meanwhile', async () => {
    const { connections } = system.conductors[0]!.context;
    const lost = connections.forProducer();
    await connections.untilReady();
    lost.disconnect();
    await until(() => expect(lost.status).toBe('end'));

    const { body } = await system.call<SystemStatus>('GET', '/v1/status');
    expect(body).toMatchObject({ status: 'degraded', components: expect.arrayContaining([{ name: 'redis', state: 'degraded', reason: expect.stringContaining('not every connection') }]) });
    expect(await system.call('POST', '/v1/dead-letters/redrive', { ids: ['anything'] })).toMatchObject({ status: 503, body: { code: 'redis-unavailable', detail: expect.stringContaining('was not begun') } });
    connections.letGo(lost);
    expect((await system.call<SystemStatus>('GET', '/v1/status')).body.components).toContainEqual({ name: 'redis', state: 'up', reason: 'answers' });
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
      ['a pool where there is none', { poolSize: 2 }, 409, 'conflict', /discord has no pool of processes: only a plugin/],
      ['too large a pool', { poolSize: 17 }, 400, 'invalid-request', /./],
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

    it('can still be changed after a text came that was cut in the middle of an emoji', async () => {
      expect((await system.call('PUT', '/v1/routes/emoji', { ...rule('discord'), description: 'for players \ud83c' })).status).toBe(200);

      expect((await system.call('DELETE', '/v1/routes/emoji')).status).toBe(200);
    });

    it('refuses a change made from an old version', async () => {
      const { body } = await system.call<{ version: number }>('GET', '/v1/routes');
      await system.call('PUT', '/v1/routes/other', rule('discord'));

      expect(await system.call('PUT', '/v1/routes', { rules: [], version: body.version })).toMatchObject({ status: 409, body: { code: 'conflict' } });
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

  it.each([
    ['/v1/audit?cursor=zzz', 'cursor'],
    ['/v1/audit?from=1e300', 'from'],
    ['/v1/metrics/discord?to=1e300', 'to'],
    ['/v1/metrics/discord?from=-1', 'from'],
  ])('names what is wrong in %s', async (path, field) => {
    expect(await system.call('GET', path)).toMatchObject({ status: 400, body: { errors: [{ field }] } });
  });

  it('names the events that there are to whoever asks for another', async () => {
    expect(await system.call('GET', '/v1/events?types=verdict,weather')).toMatchObject({ status: 400, body: { errors: [{ field: 'types[1]', message: expect.stringContaining('verdict, breaker') }] } });
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
