import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '@conductor/testing';
import { type Dropped, HostStage, refusalOf, WALLS_MAY_BE_MISSING } from '../testing/host-stage';

let stage: HostStage;
beforeAll(async () => {
  stage = await HostStage.open({ ...WALLS_MAY_BE_MISSING, PLUGIN_WATCH_MS: '60000', PLUGIN_DRAIN_MS: '3000' });
  await stage.host();
}, 60_000);
afterAll(() => stage.close());

describe('a new version that is not fit', () => {
  beforeAll(async () => void (await stage.install('steady', '1.0.0')), 60_000);

  it.each<[string, string, Dropped, string, string, RegExp]>([
    ['does not load', '2.0.0', { hooks: 'initialize() { throw new Error("no luck"); }' }, 'start', 'swap-start-failed', /no luck/],
    ['exits at once', '2.1.0', { hooks: 'initialize() { process.exit(0); }' }, 'start', 'swap-start-failed', /does not start/],
    ['is not well', '2.2.0', { hooks: 'async healthCheck() { return { status: "failed", reason: "sore throat" }; }' }, 'health', 'swap-health-failed', /sore throat/],
    ['is well at first only', '2.3.0', { hooks: 'async healthCheck() { return (this.n = (this.n ?? 0) + 1) > 2 ? { status: "failed", reason: "tired" } : { status: "ok" }; }' }, 'health', 'swap-health-failed', /check 3 of 3.*tired/],
    ['fails messages', '2.4.0', { hooks: 'async handleRequest() { throw new Error("cannot speak"); }' }, 'canary', 'swap-canary-failed', /cannot speak/],
    ['wants another plugin that is not there', '2.5.0', { conductor: { dependsOn: { nobody: '^1.0.0' } } }, 'resolve', 'swap-resolve-failed', /nobody/],
  ])('%s: the old one serves, and the answer names the step', async (_, version, dropped, step, code, detail) => {
    await stage.offer('steady', version, dropped);

    const refused = await refusalOf(stage.swap('steady', version));

    expect(refused).toMatchObject({ code, detail: expect.stringMatching(detail), errors: [{ field: 'step', message: step }] });
    expect(await stage.answer('steady')).toEqual({ text: 'hello', version: '1.0.0' });
    expect((await stage.ask<{ generations: unknown[] }>({ do: 'resources', name: 'steady' })).generations).toHaveLength(1);
    expect(await stage.view('steady')).toMatchObject({ state: 'running', version: '1.0.0', wanted: '1.0.0' });
    expect((await stage.events('steady')).at(-1)).toMatchObject({ event: 'swap-failed', version, from: '1.0.0', step, by: 'Ada' });
  }, 30_000);

  it('was approved by nobody', async () => {
    stage.drop('steady', '3.0.0');
    await stage.ask({ do: 'discover' });
    expect(await refusalOf(stage.swap('steady', '3.0.0'))).toMatchObject({ code: 'swap-scan-failed', detail: expect.stringContaining('Nobody approved steady 3.0.0') });
  });

  it('was changed after it was approved', async () => {
    await stage.offer('steady', '3.1.0');
    appendFileSync(join(stage.folderOf('steady', '3.1.0'), 'index.cjs'), '// more');
    expect(await refusalOf(stage.swap('steady', '3.1.0'))).toMatchObject({ code: 'swap-scan-failed', detail: expect.stringContaining('changed since Ada approved') });
  });

  it('is not there at all', async () => {
    expect(await refusalOf(stage.swap('steady', '9.9.9'))).toMatchObject({ code: 'swap-resolve-failed', detail: expect.stringContaining('there is no steady 9.9.9') });
  });
});

describe('a swap', () => {
  it('keeps the version before for a rollback, also when its folder is gone', async () => {
    await stage.install('keeper', '1.0.0');
    await stage.offer('keeper', '1.1.0');
    const report = await stage.swap('keeper', '1.1.0');
    expect(report).toMatchObject({ from: '1.0.0', to: '1.1.0', proof: [{ leftovers: [], unfinished: 0 }] });
    expect(await stage.answer('keeper')).toMatchObject({ version: '1.1.0' });

    stage.undrop('keeper', '1.0.0');
    await stage.ask({ do: 'discover' });
    expect(await stage.view('keeper')).toMatchObject({ previous: '1.0.0', releases: [{ version: '1.1.0', source: 'folder', uses: 1 }, { version: '1.0.0', source: 'copy', uses: 0 }] });
    expect(await stage.ask({ do: 'rollback', name: 'keeper', by: 'Ada' })).toMatchObject({ from: '1.1.0', to: '1.0.0' });
    expect(await stage.answer('keeper')).toMatchObject({ version: '1.0.0' });
  }, 30_000);

  it('takes over other limits: a longer time-out holds at once', async () => {
    const hooks = 'async handleRequest({ content }) { if (content === "slow") await new Promise((done) => setTimeout(done, 900)); return { text: "done" }; }';
    await stage.install('limits', '1.0.0', { hooks, conductor: { requestTimeoutMs: 300, attempts: 1 } });
    expect(await stage.router.ask('limits', { content: 'slow' })).toMatchObject({ state: 'dead-lettered' });
    await stage.offer('limits', '1.1.0', { hooks, conductor: { requestTimeoutMs: 4_000, attempts: 1 } });
    await stage.swap('limits', '1.1.0');
    expect(await stage.router.ask('limits', { content: 'slow' })).toMatchObject({ state: 'answered' });
  }, 30_000);

  it('lets the old version finish what it has in hand', async () => {
    const hooks = (version: string) => `async handleRequest({ content }) { if (content === 'slow') await new Promise((done) => setTimeout(done, 1500)); return { version: '${version}' }; }`;
    await stage.install('patient', '1.0.0', { hooks: hooks('1.0.0') });
    await stage.offer('patient', '1.1.0', { hooks: hooks('1.1.0') });
    await stage.answer('patient');
    const slow = await stage.router.send('patient', { content: 'slow' });
    await until(async () => expect((await stage.router.ledger.read(slow))?.state).toBe('active'));

    await stage.swap('patient', '1.1.0');

    expect((await stage.router.settled(slow)).answer).toEqual({ version: '1.0.0' });
    expect(await stage.answer('patient')).toEqual({ version: '1.1.0' });
  }, 30_000);

  it('brings the old version back by itself when the new one fails more messages', async () => {
    await stage.install('fickle', '1.0.0');
    await stage.offer('fickle', '1.1.0', { hooks: 'async handleRequest({ kind }) { if (kind !== "canary") throw DeliveryFailure.never({ code: "broken", message: "broken", class: "error" }); return {}; }' });
    await stage.swap('fickle', '1.1.0');

    for (let n = 0; n < 3; n++) expect(await stage.router.ask('fickle')).toMatchObject({ state: 'dead-lettered' });

    await until(async () => expect(await stage.answer('fickle')).toMatchObject({ version: '1.0.0' }));
    await until(async () => expect((await stage.events('fickle')).at(-1)).toMatchObject({ event: 'rolled-back', version: '1.0.0', from: '1.1.0', by: 'system', reason: expect.stringMatching(/(\d+) of \1 messages failed on fickle/) }));
    expect(await stage.view('fickle')).toMatchObject({ version: '1.0.0', wanted: '1.0.0' });
  }, 30_000);

  it('does not bring it back for messages that the platform refuses', async () => {
    await stage.install('strict', '1.0.0');
    await stage.offer('strict', '1.1.0', { hooks: 'async handleRequest({ kind }) { throw DeliveryFailure.never({ code: "no", message: "I refuse" }); }' });
    await stage.swap('strict', '1.1.0');
    for (let n = 0; n < 6; n++) await stage.router.ask('strict');
    expect(await stage.view('strict')).toMatchObject({ version: '1.1.0', state: 'running' });
  }, 30_000);

  it('cannot go back where there is no such plugin', async () => {
    expect(await refusalOf(stage.ask({ do: 'rollback', name: 'nobody', by: 'Ada' }))).toMatchObject({ code: 'not-found' });
  });

  it('is one at a time for each plugin', async () => {
    await stage.install('single', '1.0.0');
    await stage.offer('single', '1.1.0');
    const [first, second] = await Promise.allSettled([stage.swap('single', '1.1.0'), stage.swap('single', '1.1.0')]);
    expect([first.status, second.status].sort()).toEqual(['fulfilled', 'rejected']);
    const refused = [first, second].find((one) => one.status === 'rejected')!;
    expect((refused).reason).toMatchObject({ code: 'plugin-busy' });
  }, 30_000);

  it('changes all platforms of a plugin together, adds new ones and lets old ones go', async () => {
    await stage.install('pair', '1.0.0', { conductor: { platforms: ['left', 'right'] } });
    await stage.offer('pair', '2.0.0', { conductor: { platforms: ['right', 'middle'] } });
    await stage.swap('pair', '2.0.0');
    await stage.untilState('pair', 'running');
    expect((await stage.view('pair')).platforms.map(({ name }) => name).sort()).toEqual(['middle', 'right']);
    expect(await stage.answer('right')).toMatchObject({ version: '2.0.0' });
    expect(await stage.answer('middle')).toMatchObject({ version: '2.0.0' });
  }, 30_000);
});

describe('many swaps', () => {
  it('leave no listener, timer-driven or not, and no connection', async () => {
    await stage.install('often', '1.0.0');
    await stage.offer('often', '1.1.0');
    const go = async () => stage.swap('often', (await stage.view('often')).version === '1.0.0' ? '1.1.0' : '1.0.0');
    const { connections } = stage.hosts[0]!.context;
    const count = () => {
      const emitters = [process, process.stdout, connections.commands, connections.subscriber];
      const listeners = emitters.map((emitter) => emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0));
      const open = process.getActiveResourcesInfo().filter((one) => /Pipe|TCP|Process/.test(one));
      return { listeners, open: open.sort() };
    };
    await go();
    await go();
    const before = count();
    for (let n = 0; n < 6; n++) await go();
    await until(() => expect(count()).toEqual(before));
  }, 60_000);
});

describe('a platform that bears one session only', () => {
  const hooks = (version: string) => `
    async initialize(config, context) {
      this.context = context;
      const others = await context.storage.increment('sessions');
      await context.storage.set('most', Math.max(others, (await context.storage.get('most')) ?? 0));
    }
    async handleRequest() { return { version: '${version}', most: await this.context.storage.get('most') }; }
    async shutdown() { await this.context.storage.increment('sessions', -1); }`;

  it('is handed over: never two at once, and messages wait meanwhile', async () => {
    const conductor = { exclusive: true, load: 'eager' };
    await stage.install('session', '1.0.0', { hooks: hooks('1.0.0'), conductor });
    await stage.offer('session', '1.1.0', { hooks: hooks('1.1.0'), conductor });
    const swapping = stage.swap('session', '1.1.0');
    const ids: string[] = [];
    let done = false;
    void swapping.finally(() => (done = true)).catch(() => {});
    while (!done && ids.length < 100) ids.push(await stage.router.send('session'));
    expect((await swapping).steps.map(({ step }) => step)).toEqual(['resolve', 'scan', 'hand-over']);

    const records = await Promise.all(ids.map((id) => stage.router.settled(id)));
    expect(new Set(records.map(({ state }) => state))).toEqual(new Set(['answered']));
    expect(await stage.answer('session')).toEqual({ version: '1.1.0', most: 1 });
  }, 30_000);

  it('goes back to the old session when the new one is not well', async () => {
    await stage.offer('session', '1.2.0', { hooks: `${hooks('1.2.0')} async healthCheck() { return { status: 'failed', reason: 'no line' }; }`, conductor: { exclusive: true, load: 'eager' } });
    expect(await refusalOf(stage.swap('session', '1.2.0'))).toMatchObject({ code: 'swap-hand-over-failed', detail: expect.stringContaining('no line') });
    expect(await stage.answer('session')).toEqual({ version: '1.1.0', most: 1 });
  }, 30_000);
});
