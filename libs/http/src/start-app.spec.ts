import { configFrom } from '@conductor/config';
import { Body, Controller, Get, Inject, type MessageEvent, Module, Post, Sse } from '@nestjs/common';
import { NEVER, type Observable, startWith } from 'rxjs';
import { Public } from './access';
import { APP_CONTEXT, type AppContext } from './app-context';
import { eventually, TestApp, testRedisUrl } from './door.fixture';
import { ContractModule } from './openapi.fixture';
import { startApp } from './start-app';

@Controller()
@Public()
class Slow {
  static release: () => void = () => undefined;
  static events: string[] = [];
  constructor(@Inject(APP_CONTEXT) private readonly context: AppContext) {
    context.resources.hold('what the handler needs', 'open', () => Slow.events.push('let go'));
  }
  @Get('slow')
  async slow() {
    await new Promise<void>((resolve) => (Slow.release = resolve));
    Slow.events.push('answered');
    return { redis: await this.context.connections.commands.ping() };
  }
  @Post('echo')
  echo(@Body() body: unknown) {
    return body;
  }
  @Sse('events')
  stream(): Observable<MessageEvent> {
    return NEVER.pipe(startWith({ data: 'hello' }));
  }
}
@Module({ controllers: [Slow] })
class SlowModule {}

describe('an app', () => {
  it('finishes the requests in flight with all they need, refuses new ones, and says that it is not ready', async () => {
    const app = await TestApp.start(SlowModule);
    Slow.events.length = 0;
    Slow.release = () => undefined;
    const before = Slow.release;
    const inFlight = app.fetch('/slow');
    await eventually(() => expect(Slow.release).not.toBe(before));
    const stopped = app.running.stop();

    const refused = await app.fetch('/echo', { json: {} });
    expect([refused.status, await refused.json(), refused.headers.get('retry-after')]).toEqual([503, expect.objectContaining({ code: 'not-ready' }), '1']);
    const ready = await app.fetch('/health/ready');
    expect([ready.status, await ready.json()]).toEqual([503, expect.objectContaining({ error: { door: expect.objectContaining({ message: 'this instance is shutting down' }) } })]);
    expect((await app.fetch('/health/live')).status).toBe(200);
    Slow.release();
    expect(await (await inFlight).json()).toEqual({ redis: 'PONG' });
    await stopped;
    expect(Slow.events).toEqual(['answered', 'let go']);
    await expect(app.fetch('/health/live')).rejects.toThrow();
    await app.end();
  });

  it('is not kept from stopping by people who watch its events', async () => {
    const app = await TestApp.start(SlowModule);
    const stream = await app.fetch('/events');
    const start = Date.now();
    await app.running.stop();

    expect(Date.now() - start).toBeLessThan(2_000);
    expect(await stream.text()).toContain('data: hello');
    await app.end();
  });

  it('is not kept from stopping by a caller who hung up', async () => {
    const app = await TestApp.start(SlowModule);
    const leave = new AbortController();
    const before = Slow.release;
    const left = app.fetch('/slow', { signal: leave.signal }).catch(() => 'left');
    await eventually(() => expect(Slow.release).not.toBe(before));
    leave.abort();
    await left;
    const start = Date.now();
    await app.end();

    expect(Date.now() - start).toBeLessThan(2_000);
    Slow.release();
  });

  it('names the port, itself and the setting when the port is taken, and lets go of what it had opened', async () => {
    const first = await TestApp.start(SlowModule);
    Slow.events.length = 0;
    const port = new URL(first.running.url).port;

    await expect(TestApp.start(SlowModule, { env: { CONDUCTOR_PORT: port } })).rejects.toThrow(new RegExp(`"conductor" cannot listen on 127\\.0\\.0\\.1:${port}: the port is taken.*CONDUCTOR_PORT`));
    expect(Slow.events).toEqual(['let go']);
    await first.end();
  });

  it('says what is missing when it has no Redis', async () => {
    await expect(startApp('router', () => SlowModule, configFrom({ LOG_LEVEL: 'silent' }))).rejects.toThrow(/"router" needs Redis: set REDIS_URL/);
  });

  it('waits no longer for Redis once it is not wanted any more', async () => {
    const unwanted = new AbortController();
    const starting = startApp('router', () => SlowModule, configFrom({ REDIS_URL: 'redis://127.0.0.1:1', LOG_LEVEL: 'silent', ROUTER_PORT: '0' }), { signal: unwanted.signal });
    unwanted.abort(new Error('asked to stop'));

    await expect(starting).rejects.toThrow('asked to stop');
  });

  it.each([['::1', /^http:\/\/\[::1\]:\d+$/], ['::', /^http:\/\/\[::1\]:\d+$/], ['0.0.0.0', /^http:\/\/127\.0\.0\.1:\d+$/]])('that listens on %s tells an address that reaches it', async (host, address) => {
    const running = await startApp('router', () => SlowModule, configFrom({ REDIS_URL: testRedisUrl(), LOG_LEVEL: 'silent', ROUTER_PORT: '0', CONDUCTOR_HOST: host }));
    try {
      expect(running.url).toMatch(address);
      expect((await fetch(`${running.url}/health/live`)).status).toBe(200);
    } finally {
      await running.stop();
    }
  });

  it('does not start when its module cannot be built, and says why', async () => {
    const config = configFrom({ REDIS_URL: testRedisUrl(), LOG_LEVEL: 'silent', ROUTER_PORT: '0' });

    await expect(startApp('router', () => Promise.reject(new Error('no database')), config)).rejects.toThrow('no database');
  });

  it('tells which probe keeps it from being ready or from flowing', async () => {
    const app = await TestApp.start(SlowModule);
    const { readiness, flow } = app.running.context;
    readiness.push({ name: 'database', check: () => ({ up: false, reason: 'migrations are running' }) });
    flow.push({ name: 'queue', check: () => ({ up: true, reason: 'oldest waits 3 ms' }) }, { name: 'stuck', check: () => new Promise(() => undefined) });

    expect(await (await app.fetch('/health/ready')).json()).toMatchObject({ status: 'error', info: { redis: { status: 'up' } }, error: { database: { status: 'down', message: 'migrations are running' } } });
    const flowing = await app.fetch('/health/flow');
    expect([flowing.status, await flowing.json()]).toEqual([
      503,
      expect.objectContaining({ info: { redis: expect.objectContaining({ status: 'up' }), queue: expect.objectContaining({ reason: 'oldest waits 3 ms' }) }, error: { stuck: expect.objectContaining({ message: 'timeout of 1000ms exceeded' }) } }),
    ]);
    await app.end();
  });

  it('measures every route, and tells Prometheus', async () => {
    const app = await TestApp.start(SlowModule);
    await app.fetch('/echo', { json: { a: 1 } });
    const metrics = await app.fetch('/metrics');

    expect(metrics.headers.get('content-type')).toContain('text/plain');
    expect(await metrics.text()).toMatch(/http_request_duration_seconds_count\{[^}]*method="POST"[^}]*route="\/echo"[^}]*status="201"[^}]*\} 1/);
    await app.end();
  });

  it('describes itself in OpenAPI, with the contracts by name', async () => {
    const app = await TestApp.start(ContractModule, { openapi: { title: 'Test', description: 'of the door' } });
    const document = (await (await app.fetch('/docs-json')).json()) as { paths: Record<string, unknown>; components: { schemas: Record<string, unknown> } };
    const text = JSON.stringify(document);

    expect((await app.fetch('/docs')).headers.get('content-type')).toBe('text/html');
    expect((await app.fetch('/docs/swagger-ui.css')).status).toBe(200);
    expect(document.paths['/requests']).toMatchObject({ post: { requestBody: { content: { 'application/json': { schema: { $ref: '#/components/schemas/RequestInput' } } } }, responses: { 200: {}, 422: {}, default: {} } } });
    expect(document.paths['/pages']).toMatchObject({ get: { parameters: [{ name: 'limit', in: 'query' }] } });
    expect(document.paths['/requests']).toMatchObject({ post: { responses: { 422: { content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/ProblemDocument' } } } } } } });
    expect(document.components.schemas['RequestInput']).toMatchObject({ example: { kind: 'message', content: 'Hello!' } });
    const references = [...text.matchAll(/#\/components\/schemas\/([\w-]+)/g)].map(([, name]) => name!);
    expect(references.filter((name) => !(name in document.components.schemas))).toEqual([]);
    await app.end();
  });

  it('sends the headers that protect browsers with everything they might show, refusals too', async () => {
    const app = await TestApp.start(SlowModule);
    for (const path of ['/health/live', '/nowhere', '/keys']) {
      const { headers } = await app.fetch(path);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('content-security-policy')).toMatch(/script-src 'self'/);
      expect(headers.get('x-frame-options')).toBe('SAMEORIGIN');
    }
    expect((await app.fetch('/echo', { json: {} })).headers.get('x-content-type-options')).toBe('nosniff');
    await app.end();
  });

  it('writes nothing that a terminal would obey into its log or its answers, whatever a name or a path holds', async () => {
    const app = await TestApp.start(SlowModule);
    const { logger } = app.running.context;
    const hostile = 'x\u001b[2J\u009b\u202e\u200b\u007f';
    logger.info({ name: hostile, err: new Error(hostile) }, hostile);
    const echoed = await (await app.fetch('/echo', { json: { hostile } })).text();
    const refused = await (await app.fetch('/echo', { method: 'POST', body: `{"\u009b\u202e`, headers: { 'content-type': 'application/json' } })).text();
    const unseen = /(?!\n)[\p{Cc}\p{Cf}]/u;

    expect(app.log).toContain('x\\\\u001b[2J');
    for (const text of [app.log, echoed, refused]) expect(text).not.toMatch(unseen);
    expect(JSON.parse(echoed)).toEqual({ hostile });
    await app.end();
  });

  it('writes no key, cookie or body into its log', async () => {
    const app = await TestApp.start(SlowModule, { sessions: true });
    const key = await app.keyOf('admin');
    const login = await app.fetch('/session', { json: { key } });
    const cookie = login.headers.get('set-cookie')?.split(';')[0] ?? '';
    await app.fetch('/session', { headers: { cookie } });
    await app.fetch(`/nowhere?key=${key}`, { key });
    await app.fetch('/session', { json: { key: 'a-wrong-key-of-somebody' } });
    await app.fetch('/echo', { json: { confidential: 'body' } });

    expect(app.log).not.toBe('');
    for (const secret of [key, cookie.split('=')[1]!, 'a-wrong-key-of-somebody', 'confidential']) expect(app.log).not.toContain(secret);
    await app.end();
  });
});
