import { appendFileSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '@conductor/testing';
import { HostStage, WALLS_MAY_BE_MISSING } from '../testing/host-stage';

let stage: HostStage;
beforeAll(async () => {
  stage = await HostStage.open({ ...WALLS_MAY_BE_MISSING, PLUGIN_IDLE_UNLOAD_MS: '1000' });
  await stage.host();
}, 60_000);
afterAll(() => stage.close());

const processesOf = async (name: string) => (await stage.ask<{ generations: Array<{ processes: unknown[] }> }>({ do: 'resources', name })).generations.flatMap(({ processes }) => processes);

describe('approval', () => {
  it('shows what is asked for, and refuses when the files are no more those that were shown', async () => {
    stage.drop('careful', '1.0.0', { conductor: { permissions: { net: ['api.example.org'], secrets: ['TOKEN'] } } });
    const inspection = await stage.inspect('careful', '1.0.0');
    expect(inspection).toMatchObject({ approval: 'never', permissions: { net: ['api.example.org'], secrets: ['TOKEN'] }, integrity: expect.stringMatching(/^sha256-/) });
    appendFileSync(join(stage.folderOf('careful', '1.0.0'), 'index.cjs'), '// changed');

    await expect(stage.ask({ do: 'approve', name: 'careful', version: '1.0.0', integrity: inspection.integrity, secrets: [], acceptFindings: false, by: 'Ada' })).rejects.toMatchObject({ code: 'plugin-changed' });
    expect(await stage.view('careful')).toMatchObject({ state: 'available', enabled: false, releases: [{ approved: false }] });
  });

  it('is needed before anything runs', async () => {
    await expect(stage.ask({ do: 'load', name: 'careful', version: '1.0.0', by: 'Ada' })).rejects.toMatchObject({ code: 'plugin-not-approved', detail: expect.stringContaining('inspection') });
  });

  it('is needed again when a file has changed', async () => {
    await stage.offer('shifty', '1.0.0');
    appendFileSync(join(stage.folderOf('shifty', '1.0.0'), 'index.cjs'), '// changed');
    await expect(stage.ask({ do: 'load', name: 'shifty', by: 'Ada' })).rejects.toMatchObject({ code: 'plugin-changed' });
    expect(await stage.inspect('shifty', '1.0.0')).toMatchObject({ approval: 'changed', change: { files: { changed: ['index.cjs'] } } });
  });

  it('is not given where a platform of an app is asked for, though that app is not there', async () => {
    stage.drop('impostor', '1.0.0', { conductor: { platforms: ['brain'] } });
    const { integrity, platforms, obstacles } = await stage.inspect('impostor', '1.0.0');
    expect(platforms).toEqual(['brain']);
    expect(obstacles.join()).toContain('"brain" is the platform of the app brain and reserved for it');

    await expect(stage.ask({ do: 'approve', name: 'impostor', version: '1.0.0', integrity, secrets: [], acceptFindings: true, by: 'Ada' })).rejects.toMatchObject({ code: 'plugin-refused', detail: expect.stringContaining('reserved') });
  });

  it('covers the platforms; others need it again, and are shown as what has changed', async () => {
    await stage.offer('grows', '1.0.0');
    stage.drop('grows', '1.1.0', { conductor: { platforms: ['grows', 'grows-more'] } });
    expect(await stage.inspect('grows', '1.1.0')).toMatchObject({ approval: 'never', platforms: ['grows', 'grows-more'], change: { since: '1.0.0', permissions: ['+ platform: grows-more'] } });

    stage.drop('grows', '1.0.0', { conductor: { platforms: ['grows-otherwise'] } });
    expect(await stage.inspect('grows', '1.0.0')).toMatchObject({ approval: 'changed', change: { permissions: ['+ platform: grows-otherwise', '- platform: grows'] } });
    await expect(stage.ask({ do: 'load', name: 'grows', version: '1.0.0', by: 'Ada' })).rejects.toMatchObject({ code: 'plugin-changed' });
  });

  it('refuses code that does what its manifest does not ask for', async () => {
    stage.drop('sneaky', '1.0.0', { hooks: 'spawn() { return require("node:child_process").spawn("ls"); }' });
    const { integrity, obstacles } = await stage.inspect('sneaky', '1.0.0');
    expect(obstacles.join()).toContain('child_process');
    await expect(stage.ask({ do: 'approve', name: 'sneaky', version: '1.0.0', integrity, secrets: [], acceptFindings: true, by: 'Ada' })).rejects.toMatchObject({ code: 'plugin-refused' });
  });
});

describe('loading', () => {
  it('costs a lazy plugin no process before its first message, and none when it has nothing to do', async () => {
    await stage.offer('lazy', '1.0.0');
    await stage.ask({ do: 'load', name: 'lazy', by: 'Ada' });
    await stage.untilState('lazy', 'running');
    await until(async () => expect(await processesOf('lazy')).toHaveLength(0));
    const ids = await stage.router.sendParcel('lazy', Array(20).fill({}));
    for (const id of ids) expect(await stage.router.settled(id)).toMatchObject({ state: 'answered' });
    expect(await stage.view('lazy')).toMatchObject({ state: 'running' });
    await until(async () => expect(await processesOf('lazy')).toHaveLength(0));
  });

  it('starts an eager plugin at once', async () => {
    await stage.install('eager', '1.0.0', { conductor: { load: 'eager' } });
    expect(await processesOf('eager')).toHaveLength(1);
  });

  it('says at once when a plugin does not start, also of a lazy one', async () => {
    await stage.offer('dud', '1.0.0', { hooks: 'initialize() { throw new Error("no luck today"); }' });
    await expect(stage.ask({ do: 'load', name: 'dud', by: 'Ada' })).rejects.toMatchObject({ code: 'plugin-start-failed', detail: expect.stringContaining('no luck today') });
  });

  it('takes those into use that a plugin asks for, first', async () => {
    await stage.offer('ground', '1.2.0');
    await stage.offer('house', '1.0.0', { conductor: { dependsOn: { ground: '^1.0.0' } } });
    await stage.ask({ do: 'load', name: 'house', by: 'Ada' });
    await stage.untilState('house', 'running');
    expect(await stage.view('ground')).toMatchObject({ state: 'running', version: '1.2.0', dependants: ['house'] });
  });

  it('says who asks for what when versions do not go together', async () => {
    await stage.offer('annex', '1.0.0', { conductor: { dependsOn: { ground: '^7.0.0' } } });
    await expect(stage.ask({ do: 'load', name: 'annex', by: 'Ada' })).rejects.toMatchObject({ code: 'plugin-conflict', detail: expect.stringMatching(/annex.*ground.*\^7\.0\.0/) });
    expect(await stage.ask({ do: 'resolve', wanted: [{ name: 'annex', range: '*' }] })).toMatchObject({ ok: false, because: [expect.any(String), expect.any(String)].slice(0, 1).concat(expect.anything()) });
  });

  it('waits for a plugin that failed, and says so', async () => {
    await stage.offer('shaky', '1.0.0', { hooks: 'async initialize() { throw SetupFailure.needsAttention("no credentials"); }', conductor: { load: 'eager' } });
    await stage.offer('leaning', '1.0.0', { conductor: { dependsOn: { shaky: '*' } } });
    await stage.ask({ do: 'load', name: 'leaning', by: 'Ada' });
    await until(async () => expect(await stage.view('leaning')).toMatchObject({ state: 'waiting', reason: expect.stringMatching(/waits for shaky, which is needs-attention: .*no credentials/) }));
    expect(await stage.view('shaky')).toMatchObject({ state: 'failed' });
  });

  it('does not take a platform from another plugin', async () => {
    await stage.install('owner', '1.0.0');
    await stage.offer('robber', '1.0.0', { conductor: { platforms: ['owner'] } });
    await stage.ask({ do: 'load', name: 'robber', by: 'Ada' });
    await until(async () => expect(await stage.view('robber')).toMatchObject({ state: 'waiting', reason: expect.stringContaining('run by the plugin owner') }));
    expect(await stage.answer('owner')).toMatchObject({ text: 'hello' });
  });

  it('unloads: it finishes and goes, and a message waits until it is loaded again', async () => {
    await stage.install('comes', '1.0.0');
    await stage.ask({ do: 'unload', name: 'comes', by: 'Ada' });
    expect(await stage.view('comes')).toMatchObject({ state: 'available', enabled: false });
    await until(() => expect(stage.router.directory.desired.get('comes')).toMatchObject({ enabled: false, reason: expect.stringContaining('not in use') }));
    const id = await stage.router.send('comes');
    await stage.ask({ do: 'load', name: 'comes', by: 'Ada' });
    expect((await stage.router.settled(id)).answer).toMatchObject({ version: '1.0.0' });
  });

  it('removes a plugin with its approvals and copies; what was dropped stays', async () => {
    await stage.install('gone', '1.0.0');
    await stage.ask({ do: 'remove', name: 'gone', by: 'Ada' });
    expect(await stage.view('gone')).toMatchObject({ state: 'available', releases: [{ approved: false, source: 'folder' }] });
    expect(statSync(stage.folderOf('gone', '1.0.0')).isDirectory()).toBe(true);
    await expect(stage.ask({ do: 'load', name: 'gone', by: 'Ada' })).rejects.toMatchObject({ code: 'plugin-not-approved' });
  });
});

describe('secrets and configuration', () => {
  const hooks = 'async handleRequest() { return { has: this.context.secrets.TOKEN === "s3cr3t-value", names: Object.keys(this.context.secrets), greeting: this.config.greeting ?? null }; }';

  it('reach a plugin only when they were asked for, granted and handed in', async () => {
    stage.drop('keyed', '1.0.0', { hooks, conductor: { permissions: { secrets: ['TOKEN', 'OTHER'] } } });
    await stage.approve('keyed', '1.0.0', ['TOKEN']);
    await stage.ask({ do: 'load', name: 'keyed', by: 'Ada' });
    await until(async () => expect(await stage.view('keyed')).toMatchObject({ state: 'waiting', reason: expect.stringContaining('secrets/TOKEN'), secrets: [{ name: 'TOKEN', granted: true, given: false }, { name: 'OTHER', granted: false, given: false }] }));
    await stage.giveSecret('keyed', 'OTHER', 'not granted');
    await stage.giveSecret('keyed', 'TOKEN', 's3cr3t-value');
    await stage.untilState('keyed', 'running');
    expect(await stage.answer('keyed')).toEqual({ has: true, names: ['TOKEN'], greeting: null });
  });

  it('that are missing are named by the approval, and reach a plugin that runs already as soon as they are granted and handed in', async () => {
    const needy = "async initialize(config, context) { this.context = context; if (!context.secrets.TOKEN) throw Object.assign(new Error('the secret TOKEN was not granted'), { name: 'SetupFailure', retryable: false }); } async handleRequest() { return { token: this.context.secrets.TOKEN }; }";
    stage.drop('needy', '1.0.0', { hooks: needy, conductor: { load: 'eager', permissions: { secrets: ['TOKEN'] } } });
    const handIn = 'hand it in: PUT /v1/plugins/needy/secrets/TOKEN {"value":"…"}';
    expect((await stage.approve('needy', '1.0.0')).missing).toEqual([{ name: 'TOKEN', granted: false, given: false, todo: `approve it again with "TOKEN" among "secrets", and ${handIn}` }]);
    await stage.ask({ do: 'load', name: 'needy', by: 'Ada' }).catch(() => {});
    await until(async () => expect(await stage.view('needy')).toMatchObject({ state: 'failed', reason: expect.stringContaining(`Missing: TOKEN (approve it again with "TOKEN" among "secrets", and ${handIn})`) }));

    expect((await stage.approve('needy', '1.0.0', ['TOKEN'])).missing).toEqual([{ name: 'TOKEN', granted: true, given: false, todo: handIn }]);
    await until(async () => expect(await stage.view('needy')).toMatchObject({ reason: expect.stringContaining(`Missing: TOKEN (${handIn})`), secrets: [{ name: 'TOKEN', granted: true, given: false }] }));
    await stage.giveSecret('needy', 'TOKEN', 'first');
    await stage.untilState('needy', 'running');
    expect(await stage.answer('needy')).toEqual({ token: 'first' });

    // A new value is taken while it runs, and nothing else changes.
    await stage.giveSecret('needy', 'TOKEN', 'second');
    await until(async () => expect(await stage.answer('needy')).toEqual({ token: 'second' }));
    expect((await stage.approve('needy', '1.0.0', ['TOKEN'])).missing).toEqual([]);
  });

  it('are shown to nobody again', async () => {
    expect(JSON.stringify([await stage.view('keyed'), await stage.events('keyed'), await stage.ask({ do: 'logs', name: 'keyed', limit: 100 })])).not.toContain('s3cr3t-value');
    const file = join(stage.config.home, 'plugins', 'secrets.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(stage.config.home, 'plugins', 'conductor.lock.json'), 'utf8')).not.toContain('s3cr3t-value');
  });

  it('cannot be handed in for a plugin that does not ask', async () => {
    await expect(stage.giveSecret('keyed', 'UNASKED', 'x')).rejects.toMatchObject({ code: 'not-found' });
  });

  it('a configuration must fit, and takes effect while messages go on', async () => {
    await stage.install('tuned', '1.0.0', { hooks, conductor: { config: { type: 'object', additionalProperties: false, properties: { greeting: { type: 'string', default: 'hello' } } } } });
    expect(await stage.answer('tuned')).toMatchObject({ greeting: 'hello' });
    await expect(stage.ask({ do: 'configure', name: 'tuned', config: { greeting: 7 }, by: 'Ada' })).rejects.toMatchObject({ code: 'invalid-request', errors: [{ field: 'config', message: expect.stringContaining('greeting') }] });
    await stage.ask({ do: 'configure', name: 'tuned', config: { greeting: 'good day' }, by: 'Ada' });
    expect(await stage.answer('tuned')).toMatchObject({ greeting: 'good day' });
  });

  it('a configuration outlives Redis, also of a plugin that is not in use, until it is taken back or the plugin is removed', async () => {
    const { connections } = stage.router.context;
    const conductor = { config: { type: 'object', properties: { greeting: { type: 'string' } } } };
    await stage.offer('resting', '1.0.0', { hooks, conductor });
    await stage.ask({ do: 'configure', name: 'resting', config: { greeting: 'good night' }, by: 'Ada' });

    // While the host runs: what is in use goes on, and everything is wished again.
    await connections.commands.del(`${connections.namespace}:plugin-wishes`);
    await until(async () => expect(Object.keys(await connections.commands.hgetall(`${connections.namespace}:plugin-wishes`))).toEqual(expect.arrayContaining(['tuned', 'resting', 'keyed'])));
    expect((await stage.events('tuned')).filter(({ event }) => event === 'stopped')).toEqual([]);
    expect(await stage.answer('tuned')).toMatchObject({ greeting: 'good day' });
    await stage.ask({ do: 'load', name: 'resting', by: 'Ada' });
    expect(await stage.answer('resting')).toMatchObject({ greeting: 'good night' });

    await stage.ask({ do: 'configure', name: 'tuned', config: {}, by: 'Ada' });
    await stage.ask({ do: 'remove', name: 'resting', by: 'Ada' });
    expect(JSON.parse(readFileSync(join(stage.config.home, 'plugins', 'configurations.json'), 'utf8'))).toEqual({});
  });
});

describe('several plugin-hosts', () => {
  it('run the same version: the second follows what the first did, and takes over when that one is gone', async () => {
    await stage.install('shared', '1.0.0');
    await stage.offer('shared', '1.1.0');
    const second = await stage.host();
    await until(async () => expect((await stage.router.check()).filter(({ platform }) => platform === 'shared')).toHaveLength(2));

    await stage.swap('shared', '1.1.0');
    await until(async () => {
      const answers = await Promise.all(Array.from({ length: 8 }, () => stage.answer('shared')));
      expect(new Set(answers.map((answer) => answer?.['version']))).toEqual(new Set(['1.1.0']));
      expect((await stage.events('shared')).filter(({ event, version }) => event === 'swapped' && version === '1.1.0')).toHaveLength(2);
    });

    await stage.hosts.shift()!.stop();
    await until(async () => expect(await stage.view('shared')).toMatchObject({ state: 'running', version: '1.1.0' }));
    expect(await stage.answer('shared')).toMatchObject({ version: '1.1.0' });
    expect(second.context.instance).toBe(stage.hosts[0]!.context.instance);
  });

  it('bring back after a restart what was in use, also when Redis forgot', async () => {
    const { connections } = stage.router.context;
    await stage.hosts.shift()!.stop();
    await connections.commands.del(`${connections.namespace}:plugin-wishes`);
    await stage.host();
    await stage.untilState('shared', 'running');
    expect(await stage.view('shared')).toMatchObject({ version: '1.1.0', enabled: true });
    expect(await stage.answer('shared')).toMatchObject({ version: '1.1.0' });
  });
});
