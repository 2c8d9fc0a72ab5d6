import type { RequestRecord, RouteExplanation, SystemStatus } from '@conductor/contracts';
import { findApps } from '@conductor/config';
import { until } from '@conductor/testing';
import { APPS, System } from './support/system';

describe('a message reaches its platform', () => {
  let system: System;
  beforeAll(async () => (system = await System.start({ env: { LOG_LEVEL: 'debug' } })), 120_000);
  afterAll(() => system.stop(), 30_000);

  it('shows, after one command, what runs and where, and the admin key', () => {
    const { output } = system.command;

    for (const app of ['redis', ...APPS]) expect(output).toMatch(new RegExp(`^  ${app} +\\S+ +ready +\\d+ +\\d+ MB`, 'm'));
    expect(output).toContain(system.key);
    expect(output).toContain(`${system.url('router')}/v1/requests`);
  });

  it('answers a message that names no target by the brain, which says that it is an echo', async () => {
    const { status, body } = await system.send({ content: 'Hello!' });

    expect(status).toBe(200);
    expect(body).toEqual({
      id: expect.any(String), status: 'answered', platform: 'brain', instance: expect.stringMatching(/^brain-/),
      answer: { text: 'Echo (no language model is configured): Hello!', echo: true },
      timings: { queuedMs: expect.any(Number), platformMs: expect.any(Number), overheadMs: expect.any(Number) },
    });
  });

  it.each(['minecraft', 'twitch', 'tiktok', 'youtube'])('delivers to %s, whose answer says that it is not hooked up yet', async (platform) => {
    const { status, body } = await system.send({ target: platform, content: { text: 'Hello!' }, user: 'ada', conversation: 'c1' });

    expect(status).toBe(200);
    expect(body).toMatchObject({ platform, answer: { hookedUp: false, text: expect.stringContaining('not hooked up yet'), received: { text: 'Hello!', conversation: 'c1' } } });
  });

  it('can be followed by its correlation id through the logs of every process that had it in hand', async () => {
    const trace = 'follow-me-7';
    await system.ask('router', '/v1/requests', { method: 'POST', headers: { 'x-request-id': trace }, body: { id: 'followed-1', target: 'twitch', kind: 'message', content: 'Hello!' } });
    const lines = () => system.command.output.split('\n').filter((line) => line.includes(trace)).map((line) => JSON.parse(line) as { app: string; platform?: string; status?: number });

    await until(() => expect(lines()).toEqual(expect.arrayContaining([expect.objectContaining({ app: 'stubs', platform: 'twitch', request: 'followed-1' }), expect.objectContaining({ app: 'router', route: '/v1/requests', status: 200 })])));
    expect((await system.record('followed-1')).request.trace).toBe(trace);
  });

  it('takes a message with 202 and tells later how it ended and which way it went', async () => {
    const { status, body } = await system.send({ id: 'later-1', target: 'twitch', content: 'Hello!', waitFor: 'acceptance' });
    expect([status, body]).toEqual([202, { id: 'later-1', status: 'queued' }]);
    const record = await system.settled('later-1');

    expect(record).toMatchObject({ state: 'answered', platform: 'twitch', answer: { ok: true } });
    expect(record.trail).toEqual([
      expect.objectContaining({ step: 'accepted' }),
      expect.objectContaining({ step: 'routed', platform: 'twitch', rule: 'explicit-target' }),
      expect.objectContaining({ step: 'started', platform: 'twitch', attempt: 1, instance: record.instance }),
      expect.objectContaining({ step: 'answered', platform: 'twitch', instance: record.instance }),
    ]);
  });

  it('gives a repeated message the answer of the first, and refuses other content under the same id', async () => {
    const message = { id: 'twice-1', content: 'Hello!' };
    const first = await system.send<RequestRecord>(message);
    const second = await system.send<RequestRecord>(message);
    const other = await system.send({ ...message, content: 'Good-bye!' });

    expect(second.body).toMatchObject({ id: 'twice-1', instance: first.body.instance, answer: first.body.answer });
    expect([other.status, other.body.code]).toEqual([409, 'id-conflict']);
    expect((await system.record('twice-1')).trail.filter(({ step }) => step === 'answered')).toHaveLength(1);
  });

  it('gives the answer, too, to whoever sends it again while it is on its way', async () => {
    const message = { id: 'on-its-way-1', target: 'twitch', content: 'Hello!' };
    const wake = system.freeze('stubs');
    await system.send({ ...message, waitFor: 'acceptance' });
    const again = system.send(message);
    await until(async () => expect(String((await system.ask('router', '/metrics')).body)).toMatch(/^router_requests_in_flight\S* 1$/m)).finally(wake);

    expect(await again).toMatchObject({ status: 200, body: { platform: 'twitch', answer: { ok: true, received: { text: 'Hello!' } } } });
  });

  it('explains where a message would go, without sending it', async () => {
    const { body } = await system.post<RouteExplanation>('router', '/v1/routes/explain', { kind: 'message', content: 'Hello!' });

    expect(body).toMatchObject({ rule: 'default', target: 'brain', fallbacks: [], decision: { platform: 'brain' } });
    expect(body.candidates).toEqual([expect.objectContaining({ platform: 'brain', state: 'ready', breaker: 'closed', available: true })]);
  });

  it.each([
    ['a wrong field', { kind: 'message', content: '', deadlineMs: 0 }, 400, 'invalid-request'],
    ['an unknown platform', { kind: 'message', content: 'Hello!', target: 'nowhere' }, 422, 'unknown-platform'],
    ['more than 1 MiB', { kind: 'message', content: 'x'.repeat(1_100_000) }, 413, 'body-too-large'],
  ])('refuses %s with a problem document that says what to do', async (_what, message, status, code) => {
    const said = await system.post('router', '/v1/requests', message);

    expect(said.status).toBe(status);
    expect(said.headers.get('content-type')).toBe('application/problem+json');
    expect(said.body).toMatchObject({ status, code, title: expect.any(String), detail: expect.any(String) });
  });

  it('refuses whoever has no key, or a wrong one', async () => {
    expect((await system.send({ content: 'Hello!' }, { key: null })).status).toBe(401);
    expect((await system.send({ content: 'Hello!' }, { key: 'cnd_wrong' })).status).toBe(401);
  });

  it.each(APPS)('tells at the door of %s whether it lives, is ready and flows, and serves its metrics', async (app) => {
    for (const question of ['live', 'ready', 'flow']) {
      expect(await system.ask(app, `/health/${question}`, { key: null })).toMatchObject({ status: 200, body: { status: 'ok' } });
    }
    const metrics = await system.ask(app, '/metrics');
    expect(metrics.status).toBe(200);
    expect(String(metrics.body)).toMatch(/^process_resident_memory_bytes/m);
  });

  it('counts in the metrics what it has carried', async () => {
    const { body } = await system.ask('router', '/metrics');

    expect(String(body)).toMatch(/router_outcomes_total\{[^}]*platform="brain"[^}]*result="done"[^}]*\} [1-9]/);
  });

  it.each(['conductor', 'router', 'android', 'health-monitor'] as const)('describes the API of %s, for people and for programs', async (app) => {
    const page = await system.ask(app, '/docs', { key: null, headers: { accept: 'text/html' } });
    const document = await system.ask<{ openapi: string; paths: object }>(app, '/docs-json', { key: null });

    expect([page.status, document.status]).toEqual([200, 200]);
    expect(document.body.openapi).toMatch(/^3\./);
    expect(Object.keys(document.body.paths).length).toBeGreaterThan(2);
  });

  it('shows the whole system at a glance', async () => {
    // Routers write their totals once a second.
    const status = await until(async () => {
      const now = await system.get<SystemStatus>('conductor', '/v1/status');
      expect(now.totals.answered).toBeGreaterThan(5);
      return now;
    });

    expect(status).toMatchObject({ status: 'ok', phase: 'open', totals: { deadLetters: 0, waiting: 0 } });
    expect(status.processes.map(({ app }) => app).sort()).toEqual(['redis', ...APPS].sort());
    expect(status.platforms.map(({ name }) => name).sort()).toEqual(findApps().flatMap(({ platforms }) => platforms).sort());
  });
});
