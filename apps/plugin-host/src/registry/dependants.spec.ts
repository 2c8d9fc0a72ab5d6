import { until } from '@conductor/testing';
import { HostStage, refusalOf, WALLS_MAY_BE_MISSING } from '../testing/host-stage';

let stage: HostStage;
beforeAll(async () => {
  stage = await HostStage.open({ ...WALLS_MAY_BE_MISSING, PLUGIN_WATCH_MS: '60000', PLUGIN_DRAIN_MS: '3000' });
  await stage.host();
}, 60_000);
afterAll(() => stage.close());

const processOf = async (name: string) => (await stage.ask<{ generations: Array<{ processes: Array<{ pid: number }> }> }>({ do: 'resources', name })).generations.flatMap(({ processes }) => processes.map(({ pid }) => pid));

describe('a plugin that asks for others, when it is loaded', () => {
  const asking = (of: string) => ({ dependsOn: { [of]: '^1.0.0' } });

  it('runs when the answer comes, and so do those', async () => {
    await stage.offer('ground', '1.0.0');
    await stage.offer('wall', '1.0.0', { conductor: asking('ground') });
    await stage.offer('roof', '1.0.0', { conductor: asking('wall') });
    await stage.ask({ do: 'load', name: 'roof', version: '1.0.0', by: 'Ada' });
    for (const name of ['ground', 'wall', 'roof']) expect(await stage.view(name)).toMatchObject({ state: 'running' });
  }, 30_000);

  it('shows at once that it does not start', async () => {
    await stage.offer('lean-to', '1.0.0', { hooks: 'initialize() { throw new Error("no luck"); }', conductor: asking('ground') });
    expect(await refusalOf(stage.ask({ do: 'load', name: 'lean-to', version: '1.0.0', by: 'Ada' }))).toMatchObject({ code: 'plugin-start-failed', detail: expect.stringContaining('no luck') });
  }, 30_000);
});

describe('plugins that ask for the one that is swapped', () => {
  beforeAll(async () => {
    await stage.install('base', '1.0.0');
    await stage.install('follower', '1.0.0', { conductor: { dependsOn: { base: '^1.0.0' } } });
  }, 60_000);

  it('are told, and go on when their range allows it', async () => {
    await stage.answer('follower');
    const before = await processOf('follower');
    await stage.offer('base', '1.1.0');
    expect((await stage.swap('base', '1.1.0')).dependants).toEqual([{ name: 'follower', told: true, restarted: false }]);
    expect(await processOf('follower')).toEqual(before);
    await until(async () => expect((await stage.events('follower')).at(-1)).toMatchObject({ event: 'dependency-changed', reason: expect.stringContaining('base went from 1.0.0 to 1.1.0') }));
  }, 30_000);

  it('hold it back when no version of them allows it, and the refusal says who asks for what', async () => {
    await stage.offer('base', '2.0.0');
    const refused = await refusalOf(stage.swap('base', '2.0.0'));
    expect(refused).toMatchObject({ code: 'swap-resolve-failed', detail: expect.stringMatching(/follower.*\^1\.0\.0/) });
  }, 30_000);

  it('go along to a version whose range demands it', async () => {
    await stage.offer('follower', '2.0.0', { conductor: { dependsOn: { base: '^2.0.0' } } });
    expect((await stage.swap('base', '2.0.0')).dependants).toEqual([{ name: 'follower', told: true, restarted: true }]);
    expect(await stage.answer('follower')).toMatchObject({ version: '2.0.0' });
  }, 30_000);

  it('keep it from being unloaded', async () => {
    expect(await refusalOf(stage.ask({ do: 'unload', name: 'base', by: 'Ada' }))).toMatchObject({ code: 'plugin-needed', detail: expect.stringContaining('follower 2.0.0') });
  });
});

describe('the hook dependencyChanged', () => {
  const HEARS = `
    async dependencyChanged(change) { this.heard = [...(this.heard ?? []), change]; await this.context.storage.increment('told'); }
    async handleRequest() { return { heard: this.heard ?? [], told: (await this.context.storage.get('told')) ?? 0 }; }`;
  const asking = (of: string) => ({ dependsOn: { [of]: '^1.0.0' } });
  const reasonOf = async (name: string) => (await stage.events(name)).findLast(({ event }) => event === 'dependency-changed')?.reason;
  const logOf = async (name: string) => (await stage.ask<{ lines: Array<{ text: string }> }>({ do: 'logs', name, limit: 100 })).lines.map(({ text }) => text).join('\n');

  it('is called in the process that runs, which goes on, also by way of another plugin and also for a way back', async () => {
    await stage.install('source', '1.0.0');
    await stage.offer('source', '1.1.0');
    await stage.install('between', '1.0.0', { conductor: asking('source') });
    await stage.install('listener', '1.0.0', { hooks: HEARS, conductor: { ...asking('between'), load: 'eager' } });
    const before = await processOf('listener');

    await stage.swap('source', '1.1.0');
    await until(async () => expect(await reasonOf('listener')).toBe('source went from 1.0.0 to 1.1.0, which its range allows; it was told'));
    expect(await stage.answer('listener')).toEqual({ heard: [{ plugin: 'source', from: '1.0.0', to: '1.1.0' }], told: 1 });
    await stage.ask({ do: 'rollback', name: 'source', by: 'Ada' });
    await until(async () => expect((await stage.answer('listener'))?.['heard']).toEqual([{ plugin: 'source', from: '1.0.0', to: '1.1.0' }, { plugin: 'source', from: '1.1.0', to: '1.0.0' }]));
    expect(await processOf('listener')).toEqual(before);
  }, 60_000);

  it('starts no process: who has none begins beside the new version, and who has no such hook is left alone', async () => {
    await stage.install('lonely', '1.0.0');
    await stage.offer('lonely', '1.1.0');
    await stage.offer('asleep', '1.0.0', { hooks: HEARS, conductor: { ...asking('lonely'), idleUnloadMs: 1_000 } });
    await stage.ask({ do: 'load', name: 'asleep', by: 'Ada' });
    await stage.install('deaf', '1.0.0', { conductor: { ...asking('lonely'), load: 'eager' } });
    await until(async () => expect(await processOf('asleep')).toEqual([]));

    await stage.swap('lonely', '1.1.0');

    await until(async () => expect(await reasonOf('asleep')).toContain('it has no process, and starts beside the new one'));
    await until(async () => expect(await reasonOf('deaf')).toContain('it does not ask to be told'));
    expect(await stage.answer('asleep')).toEqual({ heard: [], told: 0 });
  }, 60_000);

  it.each([
    ['throws', 'async dependencyChanged() { throw new Error("not in the mood"); }', /failed: not in the mood/],
    ['hangs', 'dependencyChanged() { return new Promise(() => {}); }', /failed: it did not end within 5000 ms/],
  ])('that %s keeps nobody from anything, and is named in the log', async (how, hook, said) => {
    await stage.install(`core-${how}`, '1.0.0');
    await stage.offer(`core-${how}`, '1.1.0');
    await stage.install(`bad-${how}`, '1.0.0', { hooks: hook, conductor: { ...asking(`core-${how}`), load: 'eager' } });
    const before = await processOf(`bad-${how}`);

    expect(await stage.swap(`core-${how}`, '1.1.0')).toMatchObject({ to: '1.1.0', dependants: [{ name: `bad-${how}`, told: true, restarted: false }] });

    expect(await stage.answer(`bad-${how}`)).toMatchObject({ text: 'hello' });
    await until(async () => expect(await logOf(`bad-${how}`)).toMatch(said), 20_000);
    expect(await logOf(`bad-${how}`)).toContain(`its hook dependencyChanged (core-${how} 1.0.0 to 1.1.0) failed`);
    await until(async () => expect(await reasonOf(`bad-${how}`)).toMatch(said));
    expect(await processOf(`bad-${how}`)).toEqual(before);
    expect(await stage.view(`bad-${how}`)).toMatchObject({ state: 'running' });
  }, 60_000);

  it('is called on every host that runs the plugin', async () => {
    await stage.install('wide', '1.0.0');
    await stage.offer('wide', '1.1.0');
    await stage.install('everywhere', '1.0.0', { hooks: HEARS, conductor: { ...asking('wide'), load: 'eager' } });
    const second = await stage.host();
    await until(async () => expect((await stage.router.check()).filter(({ platform, lifecycle }) => platform === 'everywhere' && lifecycle === 'ready')).toHaveLength(2));

    await stage.swap('wide', '1.1.0');

    await until(async () => expect((await stage.answer('everywhere'))?.['told']).toBe(2));
    stage.hosts.splice(stage.hosts.indexOf(second), 1);
    await second.stop();
  }, 60_000);
});

describe('a plugin whose range does not allow the new version', () => {
  it('brings it back when it cannot go along, and nothing runs beside a version that it does not allow', async () => {
    await stage.install('pillar', '1.0.0');
    await stage.install('roof', '1.0.0', { conductor: { dependsOn: { pillar: '^1.0.0' } } });
    await stage.offer('pillar', '2.0.0');
    await stage.offer('roof', '2.0.0', { hooks: 'initialize() { throw new Error("too heavy"); }', conductor: { dependsOn: { pillar: '^2.0.0' } } });

    const refused = await refusalOf(stage.swap('pillar', '2.0.0'));

    expect(refused.detail).toMatch(/^pillar stays at 1\.0\.0\..*roof could not go along to 2\.0\.0.*too heavy/);
    expect(await stage.view('pillar')).toMatchObject({ state: 'running', version: '1.0.0', wanted: '1.0.0' });
    expect(await stage.view('roof')).toMatchObject({ state: 'running', version: '1.0.0', wanted: '1.0.0' });
    expect((await stage.view('pillar')).previous).toBeUndefined();
    expect(await stage.answer('pillar')).toMatchObject({ version: '1.0.0' });
    expect(await stage.answer('roof')).toMatchObject({ version: '1.0.0' });
  }, 60_000);

  it('is held with that reason when it was not running yet', async () => {
    await stage.install('soil', '1.0.0');
    await stage.offer('soil', '2.0.0');
    stage.drop('seed', '1.0.0', { conductor: { dependsOn: { soil: '^1.0.0' }, permissions: { secrets: ['WATER'] } } });
    await stage.approve('seed', '1.0.0', ['WATER']);
    await stage.ask({ do: 'load', name: 'seed', by: 'Ada' });
    await until(async () => expect(await stage.view('seed')).toMatchObject({ state: 'waiting', reason: expect.stringContaining('secrets/WATER') }));
    await stage.swap('soil', '2.0.0');
    await stage.giveSecret('seed', 'WATER', 'rain');
    await until(async () => expect(await stage.view('seed')).toMatchObject({ state: 'waiting', reason: 'waits for soil ^1.0.0; 2.0.0 runs' }));

    await stage.ask({ do: 'rollback', name: 'soil', by: 'Ada' });
    expect(await stage.untilState('seed', 'running')).toMatchObject({ version: '1.0.0' });
  }, 60_000);
});
