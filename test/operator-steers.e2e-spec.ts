import type { PlatformView, RequestRecord, RouteExplanation } from '@conductor/contracts';
import { until } from '@conductor/testing';
import { EventStream } from './support/event-stream';
import { System } from './support/system';

interface AuditEntry {
  actor: string;
  action: string;
  subject: string;
  before: Record<string, unknown>;
  after: Record<string, unknown>;
}

describe('an operator steers', () => {
  let system: System;
  beforeAll(async () => (system = await System.start()), 120_000);
  afterAll(() => system.stop(), 30_000);

  const audit = async (action: string) => (await system.get<{ items: AuditEntry[] }>('conductor', `/v1/audit?action=${action}`)).items;
  const wish = (platform: string, verb: string, body?: object) => system.post<PlatformView>('conductor', `/v1/platforms/${platform}/${verb}`, body);

  it('switches a platform off: it refuses at once, its messages wait; and on again: they are answered', async () => {
    const off = await wish('twitch', 'disable', { reason: 'a quiet evening' });
    expect([off.status, off.body]).toEqual([200, expect.objectContaining({ enabled: false, state: 'disabled', reason: 'a quiet evening' })]);

    const refused = await until(async () => {
      const said = await system.send({ target: 'twitch', content: 'now' });
      expect(said.status).toBe(503);
      return said;
    });
    expect(refused.body.detail).toContain('a quiet evening');
    const patient = await system.send<{ id: string }>({ target: 'twitch', content: 'any time', waitFor: 'acceptance' });
    expect(['queued', 'waiting']).toContain((await system.record(patient.body.id)).state);
    // The others of the same process go on.
    expect((await system.send({ target: 'youtube', content: 'now' })).status).toBe(200);

    const on = await wish('twitch', 'enable');
    expect([on.status, on.body.enabled]).toEqual([200, true]);
    expect(await system.settled(patient.body.id)).toMatchObject({ state: 'answered', platform: 'twitch' });
    await system.untilPlatform('twitch', 'ready');
  }, 40_000);

  it('restarts a platform inside of its process', async () => {
    const before = system.pid('stubs');
    const events = await EventStream.open(system, 'instance');
    const { status } = await wish('minecraft', 'restart');
    const states = await until(() => {
      const seen = events.events.filter(({ data }) => data['platform'] === 'minecraft').map(({ data }) => data['lifecycle']);
      expect(seen.at(-1)).toBe('ready');
      return seen;
    }).finally(() => events.close());

    expect(status).toBe(200);
    expect(states[0]).toBe('registered');
    expect(system.pid('stubs')).toBe(before);
    expect((await system.send({ target: 'minecraft', content: 'back?' })).status).toBe(200);
  }, 40_000);

  it('pins a platform, so that it is never shed', async () => {
    expect((await wish('brain', 'pin')).body.pinned).toBe(true);
    expect((await wish('brain', 'pin', { pinned: false })).body.pinned).toBe(false);
  });

  it('restarts a whole process', async () => {
    const before = system.pid('brain');
    const { status } = await system.post('conductor', '/v1/processes/brain/start');
    await system.untilBack('brain', before);

    expect(status).toBe(202);
    await until(async () => expect((await system.send({ content: 'back?' })).status).toBe(200), 20_000);
  }, 40_000);

  it('holds a circuit breaker open, in the router too, until it is let go', async () => {
    await system.send({ target: 'tiktok', content: 'once' });
    expect((await system.put('conductor', '/v1/breakers/tiktok', { force: 'open' })).status).toBe(200);
    await until(async () => expect(await system.send({ target: 'tiktok', content: 'now' })).toMatchObject({ status: 503, body: { code: 'platform-unavailable', detail: expect.stringContaining('breaker') } }));
    await until(async () => expect((await system.platform('tiktok')).breaker).toMatchObject({ position: 'open', forced: 'open' }));

    await system.put('conductor', '/v1/breakers/tiktok', { force: 'none' });
    await until(async () => expect((await system.send({ target: 'tiktok', content: 'now' })).status).toBe(200));
    expect((await system.platform('tiktok')).breaker.forced).toBeUndefined();
  }, 40_000);

  it('writes a route that the router follows at once', async () => {
    const message = { kind: 'command', content: '/mine diamonds', user: 'steve' };
    const made = await system.put('conductor', '/v1/routes/mining', { match: { content: '^/mine\\b', user: ['steve'] }, target: 'minecraft', fallbacks: ['brain'] });
    const explained = await until(async () => {
      const { body } = await system.post<RouteExplanation>('router', '/v1/routes/explain', message);
      expect(body.rule).toBe('mining');
      return body;
    });
    const sent = await system.send<RequestRecord>(message);
    const other = await system.send<RequestRecord>({ ...message, user: 'alex' });

    expect(made.status).toBe(200);
    expect(explained).toMatchObject({ target: 'minecraft', fallbacks: ['brain'] });
    expect([sent.body.platform, other.body.platform]).toEqual(['minecraft', 'brain']);

    await system.delete('conductor', '/v1/routes/mining');
    await until(async () => expect((await system.send<RequestRecord>(message)).body.platform).toBe('brain'));
  });

  it('is told what is wrong with a route that cannot be used', async () => {
    const { status, body } = await system.put('conductor', '/v1/routes/broken', { match: { content: '(' }, target: 'minecraft' });

    expect([status, body.code]).toEqual([422, 'invalid-rule']);
    expect(body.detail).toContain('broken');
  });

  it('sees what happens, as it happens', async () => {
    const events = await EventStream.open(system);
    await wish('youtube', 'disable', { reason: 'to be seen' });
    const desired = await events.next(({ type }) => type === 'desired');
    const verdict = await events.next(({ type, data }) => type === 'verdict' && (data['platform'] as PlatformView).name === 'youtube');
    await wish('youtube', 'enable');
    await events.next(({ type, data }) => type === 'instance' && data['platform'] === 'youtube' && data['lifecycle'] === 'ready', 20_000).finally(() => events.close());

    expect(events.contentType).toMatch(/^text\/event-stream/);
    expect(desired.data).toMatchObject({ desired: { platform: 'youtube', enabled: false, reason: 'to be seen' } });
    expect(verdict.data).toMatchObject({ platform: { state: 'disabled' } });
  }, 40_000);

  it('makes keys that may do what their role says, and no more', async () => {
    const keyOf = async (role: string) => (await system.post<{ key: string }>('conductor', '/v1/keys', { name: `a ${role}`, role })).body.key;
    const [viewer, operator, ingress] = [await keyOf('viewer'), await keyOf('operator'), await keyOf('ingress')];
    const may = async (key: string) => ({
      look: (await system.ask('conductor', '/v1/status', { key })).status,
      send: (await system.send({ content: 'may I?' }, { key })).status,
      steer: (await system.post('conductor', '/v1/platforms/brain/pin', { pinned: false }, { key })).status,
      makeKeys: (await system.post('conductor', '/v1/keys', { name: 'mine', role: 'admin' }, { key })).status,
    });

    expect(await may(viewer)).toEqual({ look: 200, send: 403, steer: 403, makeKeys: 403 });
    expect(await may(ingress)).toEqual({ look: 403, send: 200, steer: 403, makeKeys: 403 });
    expect(await may(operator)).toEqual({ look: 200, send: 200, steer: 200, makeKeys: 403 });
  }, 40_000);

  it('revokes a key, and it opens no door any more', async () => {
    const { body } = await system.post<{ id: string; key: string }>('conductor', '/v1/keys', { name: 'lost', role: 'ingress' });
    expect((await system.send({ content: 'hello' }, { key: body.key })).status).toBe(200);
    await system.delete('conductor', `/v1/keys/${body.id}`);

    await until(async () => expect((await system.send({ content: 'hello' }, { key: body.key })).status).toBe(401));
    const { items } = await system.get<{ items: object[] }>('conductor', '/v1/keys');
    expect(JSON.stringify(items)).not.toContain(body.key);
  });

  it('looks into the queues with a browser, after logging in', async () => {
    const html = { accept: 'text/html' };
    const ledAway = await system.ask('conductor', '/queues', { key: null, headers: html });
    const loginPage = await system.ask('conductor', '/login', { key: null, headers: html });
    const wrong = await system.post('conductor', '/session', { key: 'wrong' }, { key: null });
    const right = await system.post('conductor', '/session', { key: system.key }, { key: null });
    const cookie = right.headers.get('set-cookie')!;
    const board = await system.ask('conductor', '/queues/', { key: null, headers: { ...html, cookie: cookie.split(';')[0]! } });
    const queues = await system.ask<{ queues: Array<{ name: string }> }>('conductor', '/queues/api/queues', { key: null, headers: { cookie: cookie.split(';')[0]! } });

    expect([ledAway.status, ledAway.headers.get('location')]).toEqual([303, '/login?next=%2Fqueues']);
    expect([loginPage.status, wrong.status, right.status, board.status]).toEqual([200, 401, 200, 200]);
    expect(cookie).toMatch(/HttpOnly.*SameSite=Strict/);
    expect(queues.body.queues.map(({ name }) => name)).toEqual(expect.arrayContaining(['inbound', 'dead-letter', 'platform.brain', 'platform.twitch']));
  });

  it('finds each change in the audit log, with who made it, and the log unbroken', async () => {
    const [disabled] = await audit('platform.disable');
    const routes = await audit('routes.put');
    const keys = await audit('key.create');

    expect(disabled).toMatchObject({ actor: 'admin', subject: 'youtube', before: { enabled: true }, after: { enabled: false, reason: 'to be seen' } });
    expect(routes.map(({ subject }) => subject)).toContain('mining');
    // Four were made here; start-up registered the first one.
    expect(keys.map(({ actor }) => actor)).toEqual(['admin', 'admin', 'admin', 'admin', 'conductor']);
    expect(JSON.stringify(keys)).not.toContain('cnd_');
    for (const action of ['platform.enable', 'platform.restart', 'platform.pin', 'process.start', 'breaker.force', 'routes.delete', 'key.revoke']) expect([action, await audit(action)]).not.toEqual([action, []]);
    expect(await system.get('conductor', '/v1/audit/verify')).toMatchObject({ ok: true });
  });
});
