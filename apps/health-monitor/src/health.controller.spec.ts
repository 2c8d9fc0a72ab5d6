import { DeliveryFailure } from '@conductor/platform-kit';
import { ScriptedPlatform, until } from '@conductor/testing';
import { Stage } from './fixtures/stage';

let stage: Stage;
let platform: ScriptedPlatform;
beforeAll(async () => {
  stage = await Stage.open();
  platform = new ScriptedPlatform();
  await stage.monitor();
  await stage.host(platform.definition('echo', { attempts: 1 }), new ScriptedPlatform().definition('another'));
  await Promise.all([stage.untilState('echo', 'ready'), stage.untilState('another', 'ready')]);
});
afterAll(() => stage?.close());

describe('the door of the health monitor', () => {
  it('shows the health of all platforms, sorted by name', async () => {
    const { status, body } = await stage.get('/v1/health');

    expect(status).toBe(200);
    expect(body.platforms.map(({ name }: { name: string }) => name)).toEqual(['another', 'echo']);
  });

  it('shows the health of one', async () => {
    await stage.untilChecked('echo', 1);

    await until(async () =>
      expect(await stage.get('/v1/health/echo')).toMatchObject({
        status: 200,
        body: { name: 'echo', state: 'ready', reason: 'its instance is healthy', instances: [{ verdict: 'healthy', consecutiveFailures: 0, lastCheckAt: expect.any(Number) }] },
      }),
    );
  });

  it('says so when there is no such platform', async () => {
    expect(await stage.get('/v1/health/nobody')).toMatchObject({ status: 404, body: { code: 'not-found' } });
  });

  it('asks for a key', async () => {
    expect((await fetch(`${stage.monitors[0]!.url}/v1/health`)).status).toBe(401);
  });

  it('has a row of each check, with what happened since the one before', async () => {
    platform.onRequest = async (request) => {
      if (request.content === 'bad') throw DeliveryFailure.never({ code: 'broken', message: 'it is broken', class: 'error' });
      return { text: 'good' };
    };
    const from = Date.now();
    const ids = await Promise.all(['good', 'good', 'bad'].map((content) => stage.router.send('echo', { content })));
    for (const id of ids) await stage.router.settled(id);
    await stage.untilChecked('echo', 3);

    await until(async () => {
      const { body } = await stage.get(`/v1/health/echo/history?from=${from - 2_000}&resolution=raw`);
      expect(body).toMatchObject({ platform: 'echo', resolution: 'raw', truncated: false });
      const rows: Array<{ requestCount: number; errorCount: number }> = body.points;
      expect(rows.reduce((sum, { requestCount }) => sum + requestCount, 0)).toBe(3);
      expect(rows.reduce((sum, { errorCount }) => sum + errorCount, 0)).toBe(1);
      expect(rows.at(-1)).toMatchObject({ platformName: 'echo', instanceId: expect.stringMatching(/^echo-/), state: 'healthy', responseTimeMs: expect.any(Number), resourceUsageMb: expect.any(Number) });
      expect(rows.every((row) => Number.isInteger((row as unknown as { responseTimeMs: number }).responseTimeMs))).toBe(true);
    });
  });

  it('sums the history up by the hour, and takes times as people write them', async () => {
    const from = new Date(Date.now() - 7_200_000).toISOString();

    await until(async () => {
      const { status, body } = await stage.get(`/v1/health/echo/history?from=${from}&resolution=hour`);
      expect(status).toBe(200);
      expect(body.points.at(-1).checks).toBeGreaterThan(2);
    });
  });

  it.each([
    ['from=yesterday', 'from'],
    ['from=2000&to=1000', 'from'],
    ['resolution=minute', 'resolution'],
    ['limit=0', 'limit'],
    ['form=1', 'form'],
  ])('refuses the history of %s and names the field', async (query, field) => {
    const { status, body } = await stage.get(`/v1/health/echo/history?${query}`);

    expect(status).toBe(400);
    expect(body.errors.map((error: { field: string }) => error.field).join()).toContain(field);
  });

  it('is live, ready and flowing, and shows its measurements', async () => {
    const { url } = stage.monitors[0]!;
    for (const path of ['live', 'ready', 'flow']) await until(async () => expect([path, (await fetch(`${url}/health/${path}`)).status]).toEqual([path, 200]));

    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toMatch(/platform_state\{[^}]*platform="echo"[^}]*state="ready"[^}]*\} 1/);
    expect(metrics).toMatch(/platform_check_response_seconds\{[^}]*platform="echo"/);
    expect(metrics).toMatch(/platform_consecutive_failures\{[^}]*platform="echo"[^}]*\} 0/);
    expect(metrics).toMatch(/health_tick_event_loop_seconds_count/);
    expect(metrics).toMatch(/health_tick_lateness_seconds_count/);
  });
});

describe('while the database is away', () => {
  it('platforms are watched all the same; only the history says what waits, and that something is wrong when it waits for long', async () => {
    const without = await Stage.open({ DATABASE_URL: 'postgres://nobody@127.0.0.1:9/nothing' });
    try {
      const { url } = await without.monitor();
      await without.host(new ScriptedPlatform().definition('echo'));
      await without.untilState('echo', 'ready');
      await without.untilChecked('echo', 2);

      const history = async () => {
        const flow = await fetch(`${url}/health/flow`);
        const { details } = (await flow.json()) as { details: { history: { reason?: string; message?: string } } };
        return { status: flow.status, history: details.history };
      };
      await until(async () => expect(await history()).toEqual({ status: 200, history: expect.objectContaining({ reason: expect.stringMatching(/[1-9]\d* entries in Redis/) }) }));
      // One that has waited since the beginning of time.
      const { commands, namespace } = without.router.context.connections;
      await commands.multi().del(`${namespace}:history`).xadd(`${namespace}:history`, '1-0', 'rows', '[]').exec();
      await until(async () => expect(await history()).toEqual({ status: 503, history: expect.objectContaining({ message: expect.stringMatching(/nobody writes history into the database: [1-9]\d* entries wait in Redis/) }) }));
      expect((await fetch(`${url}/health/ready`)).status).toBe(200);
      expect(await without.get('/v1/health/echo/history')).toMatchObject({ status: 503, body: { code: 'not-ready', detail: expect.stringMatching(/the database is away/) } });
    } finally {
      await without.close();
    }
  });
});
