import { createServer, request as ask, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Controller, Get, Module } from '@nestjs/common';
import { TestApp } from './door.fixture';

@Controller('things')
class Things {
  @Get() read() {
    return 'things';
  }
}
@Module({ controllers: [Things] })
class ThingsModule {}

type Headers = Record<string, string>;

/** Strips a prefix and says so, as a reverse proxy does. */
const openProxy = async (target: string, prefix: string, more: (from: Headers) => Headers = () => ({})): Promise<Server & { url: string }> => {
  const { hostname, port } = new URL(target);
  const server = createServer((incoming, answer) => {
    const headers = { ...incoming.headers, host: `127.0.0.1:${port}`, ...(prefix && { 'x-forwarded-prefix': prefix }), ...more(incoming.headers as Headers) };
    const onward = ask({ hostname, port, path: (incoming.url ?? '/').slice(prefix.length) || '/', method: incoming.method, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(server, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
};

const closed = (server: Server) => new Promise((resolve) => server.close(resolve).closeAllConnections());
const get = (url: string, headers: Headers = {}, init: RequestInit = {}) => fetch(url, { redirect: 'manual', ...init, headers });
const form = (fields: Headers) => ({ method: 'POST', body: new URLSearchParams(fields) });
const PROXIED = { TRUSTED_PROXIES: '127.0.0.0/8, fd00::/8', CONDUCTOR_ALLOWED_HOSTS: 'home.example' };

describe('behind a trusted proxy that serves it under a path', () => {
  let app: TestApp;
  let proxy: Server & { url: string };
  beforeAll(async () => {
    app = await TestApp.start(ThingsModule, { sessions: true, env: PROXIED, openapi: { title: 'Test', description: 'under a path' } });
    proxy = await openProxy(app.running.url, '/conductor', () => ({ 'x-forwarded-proto': 'https', 'x-forwarded-host': 'home.example' }));
  });
  afterAll(async () => {
    await closed(proxy);
    await app.end();
  });

  it('a person is led to the log-in and back, and the cookie stays under that path and under TLS', async () => {
    const key = await app.keyOf('viewer');
    const sentAway = await get(`${proxy.url}/conductor/things?a=1`, { accept: 'text/html' });
    expect([sentAway.status, sentAway.headers.get('location')]).toEqual([303, '/conductor/login?next=%2Fthings%3Fa%3D1']);

    const page = await (await get(proxy.url + sentAway.headers.get('location')!)).text();
    expect(page).toContain('action="/conductor/session"');

    const loggedIn = await get(`${proxy.url}/conductor/session`, { origin: 'https://home.example' }, form({ key, next: '/things?a=1' }));
    expect([loggedIn.status, loggedIn.headers.get('location')]).toEqual([303, '/conductor/things?a=1']);
    expect(loggedIn.headers.get('set-cookie')).toMatch(/^conductor_session=[\w-]{43}; Path=\/conductor\/; HttpOnly; SameSite=Strict; Max-Age=43200; Secure$/);

    const cookie = loggedIn.headers.get('set-cookie')!.split(';')[0]!;
    expect((await get(`${proxy.url}/conductor/things`, { cookie })).status).toBe(200);
    const out = await get(`${proxy.url}/conductor/session`, { cookie, origin: 'https://home.example' }, { method: 'DELETE' });
    expect([out.status, out.headers.get('set-cookie')]).toEqual([204, expect.stringMatching(/Path=\/conductor\/.*Max-Age=0; Secure$/)]);
  });

  it('problems name the path as the caller knows it, and lead to their description', async () => {
    const problem = (await (await get(`${proxy.url}/conductor/things`)).json()) as { instance: string; type: string };

    expect(problem.instance).toBe('/conductor/things');
    expect((await get(proxy.url + problem.type)).status).toBe(200);
  });

  it('the API documents are served with all they need, and name the path', async () => {
    const page = await (await get(`${proxy.url}/conductor/docs`)).text();
    const parts = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, part]) => new URL(part!, `${proxy.url}/conductor/docs`));

    expect(parts.length).toBeGreaterThan(2);
    for (const part of parts) expect([part.href, (await get(part.href)).status]).toEqual([expect.stringContaining(`${proxy.url}/conductor/docs/`), 200]);
    expect(await (await get(`${proxy.url}/conductor/docs-json`)).json()).toMatchObject({ servers: [{ url: '/conductor' }] });
    expect(await (await get(`${app.running.url}/docs-json`)).json()).not.toMatchObject({ servers: [{ url: '/conductor' }] });
  });

  it('a proxy that leaves the path in is understood, too', async () => {
    const answer = await get(`${app.running.url}/conductor/things?x=1`, { 'x-forwarded-prefix': '/conductor/', accept: 'text/html' });

    expect(answer.headers.get('location')).toBe('/conductor/login?next=%2Fthings%3Fx%3D1');
  });

  it.each(['//evil.example', '/a"><script>', 'https://evil.example', '/a/../b', '/./x', `/${'a'.repeat(300)}`, 'conductor'])('nothing is taken for a path that is none: %s', async (prefix) => {
    expect((await get(`${app.running.url}/things`, { 'x-forwarded-prefix': prefix, accept: 'text/html' })).headers.get('location')).toBe('/login?next=%2Fthings');
  });

  it.each<[string, Headers]>([
    ['X-Forwarded-*', { 'x-forwarded-proto': 'https', 'x-forwarded-for': '198.51.100.1' }],
    ['Forwarded', { forwarded: 'for="[2001:db8::1]:4711";proto=https;host=home.example' }],
  ])('TLS is known by %s', async (_, headers) => {
    const login = await get(`${app.running.url}/session`, { ...headers, 'content-type': 'application/json' }, { method: 'POST', body: JSON.stringify({ key: await app.keyOf('viewer') }) });

    expect(login.headers.get('set-cookie')).toMatch(/; Secure$/);
  });

  it('a page of the same name by another scheme is another page', async () => {
    const key = await app.keyOf('viewer');

    expect((await get(`${proxy.url}/conductor/session`, { origin: 'http://home.example' }, form({ key }))).status).toBe(403);
    expect((await get(`${proxy.url}/conductor/session`, { origin: 'https://home.example:443' }, form({ key }))).status).toBe(303);
  });
});

describe('wrong keys that come by way of a proxy', () => {
  const wrongKeys = async (url: string, headers: (n: number) => Headers): Promise<number> => {
    let last = 0;
    for (let n = 0; n < 21; n++) last = (await get(`${url}/things`, { authorization: `Bearer wrong-key-number-${n}`, ...headers(n) })).status;
    return last;
  };
  const tried = async (url: string, headers: Headers) => (await get(`${url}/things`, { authorization: 'Bearer another-wrong-key', ...headers })).status;

  it.each<[string, (address: string) => Headers]>([
    ['X-Forwarded-For', (address) => ({ 'x-forwarded-for': `10.9.9.9, ${address}` })],
    ['X-Forwarded-For with a port', (address) => ({ 'x-forwarded-for': address })],
    ['Forwarded', (address) => ({ forwarded: `for=10.9.9.9, for="${address}:4711";proto=https` })],
  ])('count for the address that it names in %s', async (_, by) => {
    const app = await TestApp.start(ThingsModule, { env: PROXIED });

    expect(await wrongKeys(app.running.url, () => by('203.0.113.5'))).toBe(429);
    expect(await tried(app.running.url, by('203.0.113.5'))).toBe(429);
    expect(await tried(app.running.url, by('198.51.100.9'))).toBe(401);
    await app.end();
  });

  it('count for the proxy when it is not trusted, whatever it says', async () => {
    const app = await TestApp.start(ThingsModule, { env: { TRUSTED_PROXIES: '10.0.0.1' } });

    expect(await wrongKeys(app.running.url, (n) => ({ 'x-forwarded-for': `203.0.113.${n}`, forwarded: `for=203.0.113.${n}` }))).toBe(429);
    await app.end();
  });

  it('count together for the addresses of one line of IPv6', async () => {
    const app = await TestApp.start(ThingsModule, { env: PROXIED });

    expect(await wrongKeys(app.running.url, (n) => ({ 'x-forwarded-for': `2001:db8:0:1::${n + 1}` }))).toBe(429);
    expect(await tried(app.running.url, { 'x-forwarded-for': '2001:db8:0:2::1' })).toBe(401);
    await app.end();
  });
});

it('what a stranger says of proxies is not believed', async () => {
  const app = await TestApp.start(ThingsModule, { sessions: true });
  const claims = { 'x-forwarded-prefix': '/conductor', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'evil.example', forwarded: 'proto=https;host=evil.example' };
  const login = await get(`${app.running.url}/session`, { ...claims, 'content-type': 'application/json' }, { method: 'POST', body: JSON.stringify({ key: await app.keyOf('viewer') }) });

  expect(login.headers.get('set-cookie')).toMatch(/Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/);
  expect((await get(`${app.running.url}/things`, { ...claims, accept: 'text/html' })).headers.get('location')).toBe('/login?next=%2Fthings');
  expect(await (await get(`${app.running.url}/things`, claims)).json()).toMatchObject({ instance: '/things', type: '/problems/unauthenticated' });
  await app.end();
});

describe('a host', () => {
  /** Node's fetch sets its own `Host`. */
  const callAs = (app: TestApp, host: string | undefined, headers: Headers = {}): Promise<{ status: number; body: string; headers: IncomingHttpHeaders }> =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(app.running.url);
      const call = ask({ hostname, port, path: '/health/live', headers: { ...(host !== undefined && { host }), ...headers } }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (text: string) => (body += text));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body, headers: response.headers }));
      });
      call.on('error', reject).end();
    });

  let app: TestApp;
  beforeAll(async () => (app = await TestApp.start(ThingsModule, { env: { CONDUCTOR_ALLOWED_HOSTS: 'Home.Example, *.bots.example, 192.0.2.10, 2001:db8::10' } })));
  afterAll(() => app.end());

  it.each([
    'localhost', 'LOCALHOST:3000', 'localhost.', 'app.localhost:80', '127.0.0.1', '127.0.0.1:9', '127.8.9.1', '[::1]:3000', '[0:0:0:0:0:0:0:1]', '[::ffff:127.0.0.1]',
    'home.example', 'HOME.example:443', 'home.example.', 'a.bots.example', 'a.b.bots.example:8443', '192.0.2.10', '[2001:DB8:0::10]:3000',
  ])('of this machine or listed is served: %s', async (host) => expect((await callAs(app, host)).status).toBe(200));

  it.each([
    'evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', 'home.example.evil.example', 'evilhome.example', 'bots.example', '.bots.example', '192.0.2.11', '0.0.0.0', '[2001:db8::11]', '169.254.169.254',
    'localhost:3000@evil.example', 'localhost/evil', 'local host', ':3000', '[::1', 'localhost:port',
  ])('that is neither is refused: "%s"', async (host) => {
    const answer = await callAs(app, host);

    expect([answer.status, JSON.parse(answer.body)]).toEqual([421, expect.objectContaining({ code: 'misdirected-request' })]);
  });

  it('is looked at in every request, also for what is public, what is not there, and what is asked by a whole address', async () => {
    const { port, hostname } = new URL(app.running.url);
    const status = (path: string) => new Promise((resolve, reject) => ask({ hostname, port, path, headers: { host: 'evil.example' } }, (response) => resolve(response.resume().statusCode)).on('error', reject).end());

    for (const path of ['/metrics', '/nowhere', '/things', '/problems', '/docs']) expect([path, await status(path)]).toEqual([path, 421]);
    const whole = await new Promise((resolve, reject) => ask({ hostname, port, path: 'http://evil.example/health/live', headers: { host: '127.0.0.1' } }, (response) => resolve(response.resume().statusCode)).on('error', reject).end());
    expect(whole).toBe(421);
  });
});

describe('a call from a page elsewhere', () => {
  it.each([
    ['https://localhost', 'https://localhost'],
    ['capacitor://localhost', 'capacitor://localhost'],
    ['https://App.Example:443', 'https://app.example'],
  ])('passes when %s is listed and comes as %s, asked for before or not', async (listed, origin) => {
    const app = await TestApp.start(ThingsModule, { env: { CONDUCTOR_ALLOWED_ORIGINS: `https://other.example,${listed}` } });
    const asked = await get(`${app.running.url}/things`, { origin, 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization,content-type' }, { method: 'OPTIONS' });
    const answer = await get(`${app.running.url}/things`, { origin, authorization: `Bearer ${await app.keyOf('viewer')}` });
    const refused = await get(`${app.running.url}/things`, { origin });

    expect([asked.status, asked.headers.get('access-control-allow-origin'), asked.headers.get('access-control-allow-headers'), asked.headers.get('access-control-allow-methods')]).toEqual([204, origin, 'authorization,content-type', 'GET']);
    for (const { headers } of [asked, answer, refused]) expect([headers.get('access-control-allow-origin'), headers.get('vary'), headers.get('access-control-allow-credentials')]).toEqual([origin, 'Origin', null]);
    expect([answer.status, refused.status]).toEqual([200, 401]);
    await app.end();
  });

  it('is told nothing when its origin is not listed', async () => {
    const app = await TestApp.start(ThingsModule, { env: { CONDUCTOR_ALLOWED_ORIGINS: 'https://localhost' } });
    const asked = await get(`${app.running.url}/things`, { origin: 'https://evil.example', 'access-control-request-method': 'GET' }, { method: 'OPTIONS' });

    expect([asked.ok, asked.headers.get('access-control-allow-origin')]).toEqual([false, null]);
    await app.end();
  });
});
