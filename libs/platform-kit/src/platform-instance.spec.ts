import { hang, openPlatforms, ScriptedPlatform, until } from '@conductor/testing';
import { SetupFailure } from './index';
import { closeStages, open, slow, stages } from './testing/one-platform';

afterEach(closeStages);

describe('an instance that starts', () => {
  it('says that it is here, waits for its permit, and then takes messages', async () => {
    const { platform, router, permit } = await open({}, { permits: false });
    const id = await router.send('p');
    expect(await router.untilState('p', 'registered')).toMatchObject({ platform: 'p', app: 'stubs', pid: process.pid, concurrency: 10 });
    expect(platform.initialized).toBe(0);

    await permit();

    await router.untilState('p', 'ready');
    expect(await router.settled(id)).toMatchObject({ state: 'answered' });
  });

  it('starts once, however many permits it gets', async () => {
    const { platform, router, permit } = await open({ onInitialize: slow(50) as never });
    await Promise.all([permit(), permit(), permit()]);
    await router.untilState('p', 'ready');
    await permit();
    await router.ask('p');

    expect(platform.initialized).toBe(1);
  });

  it('starts by itself after a while when there is no conductor, and tries again by itself', async () => {
    let failures = 2;
    const onInitialize = async () => {
      if (failures-- > 0) throw new Error('not yet');
    };
    const { platform, router } = await open({ onInitialize }, { permits: false, conductor: false, env: { STARTUP_RETRY_BASE_MS: '50', PRESENCE_TTL_MS: '200' } });

    expect(await router.ask('p')).toMatchObject({ state: 'answered' });
    expect(platform.initialized).toBe(3);
  });

  it('goes on waiting for a permit while the launcher is starting a conductor, but not for ever', async () => {
    const { router, stage } = await open({}, { permits: false, conductor: false, env: { PRESENCE_TTL_MS: '200' } });
    const { commands, namespace } = stage.router.context.connections;
    // Two minutes after this it counts as hanging: in 4 s, one more than an instance waits without a conductor.
    const at = Date.now() - 116_000;
    await commands.hset(`${namespace}:processes`, 'conductor', JSON.stringify({ app: 'conductor', state: 'starting', restarts: 0, reason: 'starting', at }));

    await router.untilState('p', 'ready');
    expect(Date.now() - at).toBeGreaterThanOrEqual(120_000);
  });

  const refuses = (failure: Error) => ({ onInitialize: async () => { throw failure; } });
  it.each<[string, Partial<ScriptedPlatform>, string, RegExp]>([
    ['cannot connect', refuses(new Error('no route to host')), 'failed', /no route to host/],
    ['throws before its first await', { onInitialize: () => { throw new Error('at once'); } }, 'failed', /at once/],
    ['says that it may work later', refuses(SetupFailure.transient('the gateway is full')), 'failed', /gateway is full/],
    ['hangs', { onInitialize: () => hang() }, 'failed', /initialize\(\) did not end within 300 ms/],
    ['finds that it does not work', { onHealthCheck: async () => ({ status: 'failed', reason: 'no heartbeat' }) }, 'failed', /no heartbeat/],
    ['hangs in its first health check', { onHealthCheck: () => hang() }, 'failed', /health check gave no answer within 300 ms/],
    ['answers its first health check with nonsense', { onHealthCheck: async () => undefined as never }, 'failed', /no health/],
    ['has bad credentials', refuses(SetupFailure.needsAttention('the token is refused: set a new one')), 'needs-attention', /set a new one/],
    ['finds that a person is needed', { onHealthCheck: async () => ({ status: 'needs-attention', reason: 'log in again' }) }, 'needs-attention', /log in again/],
    ['is degraded', { onHealthCheck: async () => ({ status: 'degraded', reason: 'slow gateway' }) }, 'degraded', /slow gateway/],
  ])('that %s tells it, with the reason', async (_, script, state, reason) => {
    const { platform, router } = await open(script, { env: { STARTUP_GIVE_UP_MS: '300', PRESENCE_TTL_MS: '200' } });

    expect((await router.untilState('p', state)).reason).toMatch(reason);
    expect(platform.shutDown).toBe(state === 'degraded' ? 0 : 1);
  });

  it('lets messages wait while it cannot start, and starts with the next permit', async () => {
    const { platform, router, permit } = await open({ onInitialize: async () => { throw new Error('no network'); } });
    await router.untilState('p', 'failed');
    const id = await router.send('p');

    platform.onInitialize = async () => {};
    await permit();

    expect(await router.settled(id)).toMatchObject({ state: 'answered' });
  });
});

describe('an instance and the wishes of an operator', () => {
  it.each([
    ['disabled', { enabled: false }, { enabled: true }],
    ['suspended', { suspended: { reason: 'memory is short', since: 1 } }, { suspended: null }],
  ])('lets messages wait while %s, its platform gone, and carries them out after', async (state, away, back) => {
    const { platform, router } = await open();
    await router.untilState('p', 'ready');
    await router.directory.desire('p', away);
    await router.untilState('p', state);
    expect(platform.shutDown).toBe(1);
    const ids = await router.sendParcel('p', [{}, {}]);
    await router.check();
    expect(platform.requests).toEqual([]);

    await router.directory.desire('p', back);

    for (const id of ids) expect(await router.settled(id)).toMatchObject({ state: 'answered' });
    expect(platform.initialized).toBe(2);
  });

  it('stays a thin shell when it comes up switched off, whatever permits it gets', async () => {
    const { platform, stage, router } = await open({}, { permits: false });
    await router.directory.desire('p', { enabled: false, reason: 'on holiday' });
    expect(await router.untilState('p', 'disabled')).toMatchObject({ reason: 'on holiday' });

    await router.permit('p', stage.host.instances[0]!.id);
    await router.check();

    expect(platform.initialized).toBe(0);
  });

  it('restarts once for each wish to restart, and loses nothing', async () => {
    const { platform, router } = await open({ onRequest: slow(5) });
    await router.untilState('p', 'ready');
    const before = await router.sendParcel('p', Array(40).fill({}));
    await router.directory.desire('p', { restarts: 1 });
    const after = await router.sendParcel('p', Array(10).fill({}));

    for (const id of [...before, ...after]) expect(await router.settled(id)).toMatchObject({ state: 'answered' });
    expect([platform.initialized, platform.shutDown]).toEqual([2, 1]);
    expect(new Set(platform.requests.map(({ id }) => id)).size).toBe(platform.requests.length);
  });

  it('can be restarted out of needs-attention', async () => {
    const { platform, router } = await open({ onInitialize: async () => { throw SetupFailure.needsAttention('bad token'); } });
    await router.untilState('p', 'needs-attention');

    platform.onInitialize = async () => {};
    await router.directory.desire('p', { restarts: 1 });

    await router.untilState('p', 'ready');
  });

  it('finishes what is in hand before it stops and hands back what was not begun', async () => {
    const { platform, router } = await open({ onRequest: slow(150) }, { how: { concurrency: 2 } });
    await router.untilState('p', 'ready');
    const ids = await router.sendParcel('p', Array(12).fill({}));
    await until(() => expect(platform.inFlight).toBe(2));

    await router.directory.desire('p', { enabled: false });
    await router.untilState('p', 'disabled');
    expect(platform.requests).toHaveLength(2);
    expect(platform.inFlight).toBe(0);

    platform.onRequest = async () => ({});
    await router.directory.desire('p', { enabled: true });
    for (const id of ids) expect(await router.settled(id)).toMatchObject({ state: 'answered' });
    expect(platform.requests).toHaveLength(12);
  });

  it.each<[string, () => Promise<void>]>([
    ['throws', () => { throw new Error('already closed'); }],
    ['rejects', async () => { throw new Error('socket hang up'); }],
    ['hangs', () => hang()],
  ])('stops a platform whose shutdown() %s', async (_, onShutdown) => {
    const { platform, router } = await open({ onShutdown });
    await router.untilState('p', 'ready');
    await router.directory.desire('p', { enabled: false });
    await router.untilState('p', 'disabled');

    platform.onShutdown = async () => {};
    await router.directory.desire('p', { enabled: true });
    expect(await router.ask('p')).toMatchObject({ state: 'answered' });
  });
});

describe('how much an instance has in hand', () => {
  it('follows a wish at once, without a restart, and within what its definition allows', async () => {
    const { platform, router } = await open({ onRequest: slow(30) }, { how: { concurrency: 4, concurrencyBounds: { least: 2, most: 6 } } });
    await router.untilState('p', 'ready');
    const most = async (concurrency: number | null) => {
      await router.directory.desire('p', { concurrency });
      const limit = Math.min(6, Math.max(2, concurrency ?? 4));
      await until(async () => expect((await router.check())[0]).toMatchObject({ limit }));
      platform.mostInFlight = 0;
      const ids = await router.sendParcel('p', Array(20).fill({}));
      for (const id of ids) expect(await router.settled(id)).toMatchObject({ state: 'answered' });
      return platform.mostInFlight;
    };

    expect([await most(1), await most(50), await most(null)]).toEqual([2, 6, 4]);
    expect(platform.initialized).toBe(1);
    expect((await router.presences.all())[0]).toMatchObject({ concurrency: 4, maxConcurrency: 6 });
  });

  it('is told in its presence, and as a metric', async () => {
    const { stage, router } = await open({}, { how: { concurrency: 7 }, env: { PRESENCE_TTL_MS: '200' } });
    await router.untilState('p', 'ready');

    await until(async () => expect((await router.presences.all())[0]).toMatchObject({ limit: 7, maxConcurrency: 28, settledAt: expect.any(Number) }));
    expect((await stage.context.metrics.registry.getSingleMetric('platform_concurrency_limit')!.get()).values).toEqual([expect.objectContaining({ value: 7, labels: expect.objectContaining({ platform: 'p' }) })]);
  });
});

describe('a platform that is loaded late', () => {
  it('is loaded when it is wanted, and not before', async () => {
    let loaded = 0;
    const late = new ScriptedPlatform();
    const load = async () => (loaded++, late);
    const stage = await openPlatforms([{ ...late.definition('p'), create: load }], { permits: false });
    stages.push(stage);
    await stage.router.untilState('p', 'registered');
    expect(loaded).toBe(0);

    await stage.router.permit('p', stage.host.instances[0]!.id);

    expect(await stage.router.ask('p')).toMatchObject({ state: 'answered' });
    expect(loaded).toBe(1);
  });

  it.each<[string, () => Promise<ScriptedPlatform>, RegExp]>([
    ['cannot be loaded', async () => { throw new Error("Cannot find module 'discord.js'"); }, /discord\.js/],
    ['does not come', () => hang(), /create\(\) did not end within 300 ms/],
  ])('that %s has failed, with the reason', async (_, create, reason) => {
    const stage = await openPlatforms([{ name: 'p', config: {}, create }], { env: { STARTUP_GIVE_UP_MS: '300' } });
    stages.push(stage);

    expect((await stage.router.untilState('p', 'failed')).reason).toMatch(reason);
  });
});

describe('a process that leaves', () => {
  it('finishes what is in hand, hands back the rest, says good-bye, and leaves nothing', async () => {
    const before = sockets();
    const { platform, stage, router } = await open({ onRequest: slow(200) }, { how: { concurrency: 2 } });
    await router.untilState('p', 'ready');
    const withRouter = sockets();
    const ids = await router.sendParcel('p', Array(6).fill({}));
    await until(() => expect(platform.inFlight).toBe(2));

    await stage.drain();

    const states = await Promise.all(ids.map(async (id) => (await router.ledger.read(id))!.state));
    expect(states.sort()).toEqual(['answered', 'answered', 'queued', 'queued', 'queued', 'queued']);
    expect(await router.producer('p').counts()).toMatchObject({ active: 0, waiting: 1 });
    expect(platform).toMatchObject({ initialized: 1, shutDown: 1, inFlight: 0 });
    await until(() => expect(router.heard.at(-1)).toMatchObject({ event: 'left' }));
    expect(await router.presences.all()).toEqual([]);
    await until(() => expect(sockets()).toBeLessThan(withRouter));
    await stages.pop()!.close();
    await until(() => expect(sockets()).toBeLessThanOrEqual(before));
  });

  it('does not wait for a platform that hangs while it starts', async () => {
    const { platform, stage, router } = await open({ onInitialize: () => hang() });
    await router.untilState('p', 'starting');

    const started = Date.now();
    await stage.drain();

    expect(Date.now() - started).toBeLessThan(1_000);
    expect(platform.shutDown).toBe(1);
    expect(await router.presences.all()).toEqual([]);
  });
});

const sockets = () => process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;
