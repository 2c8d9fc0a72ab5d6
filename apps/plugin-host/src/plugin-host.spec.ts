import { mkdtempSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SandboxView } from '@conductor/contracts';
import { ApiKeys, type RunningApp, startApp } from '@conductor/http';
import { GenerationStore, LockFile, PluginApprovals, PluginCatalogue, type SandboxedFigures, SecretStore } from '@conductor/plugin-runtime';
import { forget, RouterDouble, testConfig, until } from '@conductor/testing';
import { PluginHostModule } from './plugin-host.module';
import { Plugins } from './plugins';
import { WALLS_MAY_BE_MISSING } from './testing/host-stage';
import { openWebhooks } from './webhooks';

const ENTRY = `
const { definePlugin } = require('@conductor/platform-kit');
class Greeter {
  async initialize(config, context) { this.config = config; this.context = context; }
  async healthCheck() { return { status: 'ok' }; }
  async handleRequest({ content }) {
    if (content === 'die') process.exit(3);
    return { text: this.config.greeting + ' ' + content, secrets: Object.keys(this.context.secrets), token: this.context.secrets.TOKEN === 'hush' };
  }
  async handleWebhook({ method, path, query, headers, body }) {
    if (path === '/reply') return JSON.parse(Buffer.from(body).toString());
    await this.context.emit({ id: 'hook-1', kind: 'message', content: { text: 'from outside' } });
    return { status: 202, headers: { 'x-seen': headers['x-signature'], 'set-cookie': 'no' }, body: [method, path, query.a, Buffer.from(body).toString('hex')].join(' ') };
  }
  async shutdown() {}
}
module.exports = definePlugin({ platforms: { greeter: { create: () => new Greeter() } } });`;

const home = mkdtempSync(join(tmpdir(), 'conductor-plugins-'));
const config = testConfig({ ...WALLS_MAY_BE_MISSING, CONDUCTOR_HOME: home, PLUGIN_IDLE_UNLOAD_MS: '1500' });
const plugins = join(home, 'plugins');
let router: RouterDouble;
let app: RunningApp;

/** Puts a plugin in place as a person would: found, looked at, approved, chosen. */
const install = async (name: string, conductor: object, secrets: string[] = []) => {
  const folder = join(config.home, 'found', name);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name, version: '1.0.0', conductor: { apiVersion: 1, platforms: [name], entry: 'index.cjs', ...conductor } }));
  await writeFile(join(folder, 'index.cjs'), ENTRY);
  const catalogue = await PluginCatalogue.open({ folders: [join(config.home, 'found')], nodeModules: [] });
  const lock = await LockFile.open(join(plugins, 'conductor.lock.json'));
  const approvals = new PluginApprovals(lock, await GenerationStore.open(join(plugins, 'generations')), { keys: {}, strict: false });
  const found = catalogue.find(name, '1.0.0')!;
  const { integrity } = await approvals.inspect(found);
  await approvals.approve(found, { integrity, by: 'test', secrets });
  await lock.use(name, '1.0.0');
  await catalogue.close();
};

beforeAll(async () => {
  await install('greeter', { permissions: { secrets: ['TOKEN', 'OTHER'] }, config: { type: 'object', properties: { greeting: { type: 'string', default: 'hello' } } } }, ['TOKEN']);
  const secrets = new SecretStore(join(plugins, 'secrets.json'));
  for (const [name, value] of [['TOKEN', 'hush'], ['OTHER', 'not granted']] as const) await secrets.give('greeter', name, value);
  router = await RouterDouble.open(config);
  app = await startApp('plugin-host', (context) => PluginHostModule.register(context), config, { configure: openWebhooks });
  await router.untilState('greeter', 'ready');
});
afterAll(async () => {
  await app.stop();
  await router.close();
  await forget(config);
});

const processes = () => app.nest.get(Plugins).figures().flatMap(({ generations }) => generations.flatMap((generation) => generation.processes));

it('takes messages for a plugin that has no process, and loads it for the first of them', async () => {
  expect(processes()).toEqual([]);

  const ids = await router.sendParcel('greeter', [{ content: 'Ada' }, { content: 'Bob' }]);

  expect((await router.settled(ids[0]!)).answer).toEqual({ text: 'hello Ada', secrets: ['TOKEN'], token: true });
  expect((await router.settled(ids[1]!)).answer).toMatchObject({ text: 'hello Bob' });
  expect(processes()).toHaveLength(1);
});

it('unloads it when it had nothing to do, and it stays ready', async () => {
  await until(() => expect(processes()).toEqual([]));
  expect(await router.check()).toMatchObject([{ platform: 'greeter', lifecycle: 'ready', health: { status: 'ok', details: { loaded: false } } }]);
  expect((await router.ask('greeter', { content: 'again' })).answer).toMatchObject({ text: 'hello again' });
});

it('dead-letters a message whose plugin died with it as unknown, and goes on', async () => {
  expect(await router.ask('greeter', { content: 'die' })).toMatchObject({ state: 'dead-lettered', code: 'outcome-unknown' });
  expect((await router.ask('greeter', { content: 'on' })).answer).toMatchObject({ text: 'hello on' });
});

it('hands a webhook over byte by byte, and sends what the plugin answers', async () => {
  const response = await fetch(`${app.url}/v1/webhooks/greeter/in/box?a=1`, { method: 'POST', body: Buffer.from([0, 255, 1]), headers: { 'content-type': 'application/octet-stream', 'x-signature': 'v1,abc' } });

  expect([response.status, await response.text()]).toEqual([202, 'POST /in/box 1 00ff01']);
  expect(response.headers.get('x-seen')).toBe('v1,abc');
  expect(response.headers.get('set-cookie')).toBeNull();
  expect(await router.inbound()).toMatchObject([{ type: 'request', request: { id: 'hook-1', source: 'greeter', content: { text: 'from outside' }, replyTo: { platform: 'greeter' } } }]);
  expect((await fetch(`${app.url}/v1/webhooks/nobody`, { method: 'POST' })).status).toBe(404);
});

const replyTo = async (headers: Record<string, string>, more: object = {}) =>
  fetch(`${app.url}/v1/webhooks/greeter/reply`, { method: 'POST', redirect: 'manual', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ status: 200, headers, body: '<script>alert(1)</script>', ...more }) });

it('shows what a plugin answers to a webhook in a sandbox, and sets no header for it that browsers or proxies obey', async () => {
  const OURS = {
    'content-security-policy': "sandbox; default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer', 'cross-origin-resource-policy': 'same-origin', 'cross-origin-opener-policy': 'same-origin', 'cache-control': 'no-store',
  };
  const asked = Object.fromEntries([...Object.keys(OURS), 'Content-Security-Policy', 'CONTENT-SECURITY-POLICY-REPORT-ONLY'].map((name) => [name, "script-src 'unsafe-inline'"]));
  const theirs = {
    'set-cookie': 'session=x', 'strict-transport-security': 'max-age=63072000', 'access-control-allow-origin': '*', 'access-control-allow-credentials': 'true', location: 'https://evil.example', refresh: '0;url=https://evil.example', link: '</x>; rel=preload',
    'clear-site-data': '"*"', 'service-worker-allowed': '/', 'www-authenticate': 'Basic', 'content-encoding': 'gzip', 'content-disposition': 'attachment', 'transfer-encoding': 'chunked', 'content-length': '1', connection: 'upgrade', upgrade: 'x', 'alt-svc': 'h3=":1"',
    nel: '{}', 'report-to': '{}', 'permissions-policy': 'x', 'x-accel-redirect': '/etc/passwd', 'X-Accel-Buffering': 'no', 'x-sendfile': '/etc/passwd', 'x-frame-options': 'ALLOWALL', 'x-permitted-cross-domain-policies': 'all', 'x-forwarded-host': 'evil.example', server: 'us', age: '1', etag: '1', vary: '*',
  };
  const shown = await replyTo({ ...asked, ...theirs, 'content-type': 'text/html', 'x-own': 'kept', 'retry-after': '7' });

  expect([shown.status, await shown.text()]).toEqual([200, '<script>alert(1)</script>']);
  const got = Object.fromEntries(shown.headers);
  expect(got).toMatchObject({ ...OURS, 'content-type': 'text/html', 'x-own': 'kept', 'retry-after': '7' });
  for (const name of Object.keys(theirs)) if (!(name in OURS)) expect([name, got[name.toLowerCase()]]).not.toEqual([name, theirs[name as keyof typeof theirs]]);
  expect(got['set-cookie'] ?? got['location'] ?? got['access-control-allow-origin'] ?? got['x-accel-redirect'] ?? got['content-security-policy-report-only']).toBeUndefined();
  expect(app.nest.get(Plugins).find('greeter')!.incidents.list()).toContainEqual(expect.objectContaining({ kind: 'reply-header-dropped', detail: expect.stringMatching(/location.*set-cookie.*x-accel-redirect/) }));
});

it.each(['text/javascript', 'application/ecmascript', 'text/css', 'application/wasm', 'multipart/x-mixed-replace', 'application/manifest+json'])('lets no page load a reply as %s', async (type) => {
  expect((await replyTo({ 'content-type': type })).headers.get('content-type')).toBe('text/plain; charset=utf-8');
});

it.each([['a redirect', 302, {}], ['a log-in', 401, {}], ['a failure', 500, { 'content-type': 'text/html' }]])('puts the same around %s', async (_, status, headers) => {
  const shown = await replyTo(headers, { status });
  expect([shown.status, shown.headers.get('location'), shown.headers.get('content-security-policy')]).toEqual([status, null, expect.stringMatching(/^sandbox;/)]);
});

it.each([[{ status: 101 }], [{ status: 99 }], [{ status: 200, headers: { 'x-a': 'a\r\nset-cookie: b' } }], [{ status: 200, headers: { 'x-a': '\u0000' } }], [{ status: 200, headers: { 'x a': 'b' } }], [{ body: {} }], ['text']])('takes %j for no reply', async (reply) => {
  expect((await fetch(`${app.url}/v1/webhooks/greeter/reply`, { method: 'POST', body: JSON.stringify(reply) })).status).toBe(502);
});

it('tells an operator which walls stand, and what plugins use', async () => {
  expect((await fetch(`${app.url}/v1/plugins/sandbox`)).status).toBe(401);
  const { key } = await new ApiKeys(app.context.connections, app.context.notices, app.context.logger).create({ name: 'test', role: 'viewer' });
  const get = async <T>(path: string) => (await (await fetch(app.url + path, { headers: { authorization: `Bearer ${key}` } })).json()) as T;

  expect((await get<SandboxView>('/v1/plugins/sandbox')).walls.map(({ name }) => name)).toEqual(['permissions', 'environment', 'files', 'network', 'processes', 'user', 'limits', 'memory', 'memory-watch']);
  await router.ask('greeter', { content: 'there' });
  expect((await get<{ items: SandboxedFigures[] }>('/v1/plugins/resources')).items).toMatchObject([{ platform: 'greeter', incidents: { ended: 1 }, generations: [{ processes: [{ requests: expect.any(Number), cpuMs: expect.any(Number), requestsCpuMs: expect.any(Number), cpuMsPerRequest: expect.any(Number), lagMs: expect.any(Number) }] }] }]);
  const shown = await (await fetch(`${app.url}/metrics`)).text();
  for (const name of ['plugin_requests', 'plugin_processor_seconds', 'plugin_request_processor_seconds', 'plugin_processor_seconds_per_request', 'plugin_event_loop_lag_seconds']) {
    expect(shown).toMatch(new RegExp(`^${name}\\{[^}]*platform="greeter"`, 'm'));
  }
});
