import { appendFileSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { PluginView, ResolutionView, SandboxesView } from '@conductor/contracts';
import { until } from '@conductor/testing';
import { DroppedPlugins } from './support/dropped-plugins';
import { Command, freshHome } from './support/command';
import { EventStream } from './support/event-stream';
import { System } from './support/system';

const SECRET = 'a-token-nobody-should-read';

describe('plugins', () => {
  let home: string;
  let system: System;
  let plugins: DroppedPlugins;
  beforeAll(async () => {
    home = freshHome();
    plugins = new DroppedPlugins(home, () => system);
    plugins.echo('1.0.0');
    system = await System.start({ home });
  }, 120_000);
  afterAll(() => system.stop(), 30_000);

  const keyOf = async (role: string) => (await system.post<{ key: string }>('conductor', '/v1/keys', { name: role, role })).body.key;

  it('answer messages when their folder was dropped, looked at, approved and loaded', async () => {
    const events = await EventStream.open(system, 'plugin');
    const inspection = await plugins.approve('echo', '1.0.0');
    expect(inspection).toMatchObject({ approval: 'never', obstacles: [], permissions: { net: [], secrets: [] }, scan: { findings: [] } });
    expect(await plugins.load('echo', '1.0.0')).toMatchObject({ version: '1.0.0', platforms: [{ name: 'echo', state: 'ready' }] });

    expect((await system.send({ target: 'echo', content: 'hello' })).body).toMatchObject({ answer: { text: 'hello', version: '1.0.0' } });
    expect((await system.platform('echo')).state).toBe('ready');
    await events.next(({ data }) => (data['event'] as { event: string }).event === 'started').finally(() => events.close());
  }, 60_000);

  it('are noticed while everything runs, also a new version and a broken one', async () => {
    plugins.echo('1.1.0');
    plugins.write({ name: 'broken', version: '1.0.0', conductor: { permisions: {} } });
    await until(async () => {
      const { items } = await system.get<{ items: PluginView[] }>('conductor', '/v1/plugins');
      expect(items.find(({ name }) => name === 'echo')?.releases.map(({ version }) => version)).toEqual(['1.1.0', '1.0.0']);
      expect(items.find(({ name }) => name === 'broken')).toMatchObject({ state: 'invalid', problems: [{ problems: [{ field: 'conductor', message: expect.stringContaining('permisions') }] }] });
    });
  }, 30_000);

  it('show what would be chosen, and which walls stand around them', async () => {
    const resolution = await system.post<ResolutionView>('conductor', '/v1/plugins/resolve', { plugins: [{ name: 'echo', range: '^1.1.0' }] });
    expect(resolution.body).toMatchObject({ ok: true, plugins: [{ name: 'echo', version: '1.1.0', askedBy: [{ range: '^1.1.0' }] }] });
    expect((await system.post<ResolutionView>('conductor', '/v1/plugins/resolve', { plugins: [{ name: 'nobody' }] })).body).toMatchObject({ ok: false, code: 'missing' });
    const { walls, hosts } = await system.get<SandboxesView>('conductor', '/v1/plugins/sandbox');
    expect(walls.length).toBeGreaterThan(5);
    expect(hosts).toEqual([{ host: expect.stringContaining('plugin-host'), strict: false, allowMissing: ['files', 'network', 'processes', 'user'], complete: expect.any(Boolean), walls }]);
  });

  it('are not approved when a file changed after a person looked', async () => {
    const inspection = await plugins.inspect('echo', '1.1.0');
    appendFileSync(join(plugins.folder, 'echo@1.1.0', 'index.cjs'), '\n// something else\n');
    const refused = await system.post('conductor', '/v1/plugins/echo/approve', { version: '1.1.0', integrity: inspection.integrity });
    expect([refused.status, refused.body.code]).toEqual([409, 'plugin-changed']);
    const swap = await system.post('conductor', '/v1/plugins/echo/swap', { version: '1.1.0' });
    expect([swap.status, swap.body.code]).toEqual([409, 'swap-scan-failed']);
    expect((await system.send({ target: 'echo', content: 'still here' })).body).toMatchObject({ answer: { version: '1.0.0' } });
  }, 30_000);

  it('are changed by operators, approved by admins, and read by viewers', async () => {
    const [viewer, operator] = [await keyOf('viewer'), await keyOf('operator')];
    expect((await system.ask('conductor', '/v1/plugins', { key: viewer })).status).toBe(200);
    expect((await system.post('conductor', '/v1/plugins/echo/unload', undefined, { key: viewer })).status).toBe(403);
    expect((await system.post('conductor', '/v1/plugins/echo/approve', { version: '1.0.0', integrity: `sha256-${'0'.repeat(64)}` }, { key: operator })).status).toBe(403);
    expect((await system.ask('conductor', '/v1/plugins/echo/secrets/TOKEN', { method: 'PUT', body: { value: 'x' }, key: operator })).status).toBe(403);
    expect((await system.ask('conductor', '/v1/plugins', { key: null })).status).toBe(401);
  });

  it('get a secret that was granted and handed in, and nobody else ever sees it', async () => {
    plugins.write({ name: 'keyed', version: '1.0.0', hooks: `async handleRequest() { return { has: this.context.secrets.TOKEN === '${SECRET}'.slice(0) }; }`.replace(SECRET, SECRET.split('').reverse().join('')).replace('.slice(0)', '.split("").reverse().join("")'), conductor: { permissions: { secrets: ['TOKEN'] } } });
    await plugins.approve('keyed', '1.0.0', { secrets: ['TOKEN'] });
    expect((await system.post('conductor', '/v1/plugins/keyed/load')).status).toBe(200);
    expect((await plugins.untilState('keyed', 'waiting')).reason).toContain('secrets/TOKEN');
    const given = await system.put('conductor', '/v1/plugins/keyed/secrets/TOKEN', { value: SECRET });
    expect(given.status).toBe(200);
    await plugins.untilState('keyed', 'running');
    expect((await system.send({ target: 'keyed', content: 'well?' })).body).toMatchObject({ answer: { has: true } });

    const audit = await system.get<{ items: Array<{ action: string; subject: string; after?: unknown }> }>('conductor', '/v1/audit?subject=keyed');
    expect(audit.items.find(({ action }) => action === 'plugin.approve')).toMatchObject({ after: { platforms: ['keyed'] } });
    expect(audit.items.map(({ action }) => action)).toEqual(expect.arrayContaining(['plugin.approve', 'plugin.secret-given', 'plugin.load']));
    const said = [audit, given.body, await plugins.view('keyed'), await system.get('conductor', '/v1/plugins/keyed/logs'), await system.get('conductor', '/v1/plugins/keyed/history'), system.command.output];
    expect(JSON.stringify(said)).not.toContain(SECRET);
    // Nothing that Redis keeps on disk has it.
    const files = readdirSync(join(home, 'redis'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    for (const file of files) expect(readFileSync(join(file.parentPath, file.name)).includes(SECRET)).toBe(false);
  }, 60_000);

  it('show what they write and what they use', async () => {
    plugins.write({ name: 'talks', version: '1.0.0', hooks: `async handleRequest() { console.log('said on stdout'); console.error('said on stderr'); return {}; }` });
    await plugins.approve('talks', '1.0.0');
    await plugins.load('talks', '1.0.0');
    await system.send({ target: 'talks', content: 'x' });
    await until(async () => {
      const { hosts } = await system.get<{ hosts: Array<{ lines: Array<{ stream: string; text: string }> }> }>('conductor', '/v1/plugins/talks/logs');
      expect(hosts[0]!.lines).toEqual(expect.arrayContaining([expect.objectContaining({ stream: 'stdout', text: 'said on stdout' }), expect.objectContaining({ stream: 'stderr', text: 'said on stderr' })]));
    });
    const logs = await EventStream.at(system, '/v1/plugins/talks/logs');
    const before = await logs.next(({ type, data }) => type === 'log' && data['text'] === 'said on stdout');
    const figures = await EventStream.at(system, '/v1/plugins/talks/resources');
    await figures.next(({ type, data }) => type === 'resources' && JSON.stringify(data).includes('"loaded":true')).finally(() => figures.close());
    await system.send({ target: 'talks', content: 'y' });
    await until(() => expect(logs.events.filter(({ data }) => String(data['text']).startsWith('said on'))).toHaveLength(4)).finally(() => logs.close());
    // A reader that comes back is told what it has not seen, and nothing else.
    const again = await EventStream.at(system, '/v1/plugins/talks/logs', before.id);
    const unseen = logs.events.slice(logs.events.indexOf(before) + 1).filter(({ type }) => type === 'log');
    await until(() => expect(again.events.filter(({ type }) => type === 'log').map(({ data }) => data)).toEqual(unseen.map(({ data }) => data))).finally(() => again.close());
    const resources = await system.get<{ hosts: Array<{ generations: unknown[] }> }>('conductor', '/v1/plugins/talks/resources');
    expect(resources.hosts).toMatchObject([{ generations: [{ platform: 'talks', version: '1.0.0', serving: true, loaded: true, processes: [{ pid: expect.any(Number), rssMb: expect.any(Number) }] }] }]);
    const removed = await system.delete('conductor', '/v1/plugins/talks');
    expect([removed.status, removed.body]).toEqual([200, { name: 'talks', removed: true }]);
    expect((await system.ask('conductor', '/v1/plugins/talks/logs')).body.code).toBe('not-found');
    // Nobody is alarmed: it is switched off, not missing.
    await system.untilPlatform('talks', 'disabled');
  }, 60_000);

  it('come back in the same version, and with the rest, after everything was killed', async () => {
    await system.killEverything();
    system = System.of(home, Command.run('launcher', home));
    // Until routing opens, messages are refused with a word to come again; the first that is let in is answered.
    const first = await until(async () => {
      const said = await system.send({ target: 'echo', content: 'back' });
      if (said.body.code === 'not-ready' || said.body.code === 'redis-unavailable') throw new Error(`not yet: ${said.body.code}`);
      return said;
    }, 60_000);
    expect(first.body).toMatchObject({ status: 'answered', answer: { text: 'back', version: '1.0.0' } });
    await system.untilWell();
    await plugins.untilState('keyed', 'running');
  }, 120_000);

  it('come back with their versions and configurations when Redis has lost everything', async () => {
    plugins.write({
      name: 'tuned', version: '1.0.0', hooks: 'async handleRequest() { return { greeting: this.config.greeting }; }',
      conductor: { config: { type: 'object', additionalProperties: false, properties: { greeting: { type: 'string', default: 'hello' } } } },
    });
    await plugins.approve('tuned', '1.0.0');
    await plugins.load('tuned', '1.0.0');
    expect((await system.put('conductor', '/v1/plugins/tuned/config', { greeting: 'good day' })).status).toBe(200);
    expect((await system.send({ target: 'tuned', content: 'x' })).body).toMatchObject({ answer: { greeting: 'good day' } });
    await system.killEverything();
    rmSync(join(home, 'redis'), { recursive: true });

    system = await System.start({ home });

    await plugins.untilState('tuned', 'running', 30_000);
    await until(async () => expect((await system.send({ target: 'tuned', content: 'x' })).body).toMatchObject({ answer: { greeting: 'good day' } }));
    expect(await plugins.untilState('echo', 'running')).toMatchObject({ version: '1.0.0' });
    expect(statSync(join(home, 'plugins', 'configurations.json')).mode & 0o777).toBe(0o600);
  }, 120_000);

  it('cannot be asked for while no plugin-host runs, and the answer says so', async () => {
    const wake = system.freeze('plugin-host');
    await until(async () => {
      const { status, body } = await system.ask('conductor', '/v1/plugins');
      expect([status, body.code]).toEqual([503, 'no-plugin-host']);
    }, 20_000).finally(wake);
    await until(async () => expect((await system.ask('conductor', '/v1/plugins')).status).toBe(200));
  }, 60_000);
});
