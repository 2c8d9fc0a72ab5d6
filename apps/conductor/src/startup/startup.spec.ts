import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { SystemStatus } from '@conductor/contracts';
import { PluginHosts, PluginWishes } from '@conductor/control';
import { SetupFailure } from '@conductor/platform-kit';
import { until } from '@conductor/testing';
import { ConductorHarness, quiet } from '../testing/harness';

describe('the conductor at start-up', () => {
  let system: ConductorHarness;
  afterEach(() => system.stop());

  const steps = async () => {
    const { body } = await system.call<{ items: Array<{ phase: string; platform?: string; result: string; ms: number }> }>('GET', '/v1/metrics/startup');
    return body.items.reverse();
  };

  it('starts platforms one after the other, in their order, and opens routing last', async () => {
    system = ConductorHarness.prepare({ STARTUP_PLATFORMS: 'first,second,third' });
    const order: string[] = [];
    let running = 0;
    const slow = (name: string) => ({
      name,
      create: () =>
        quiet({
          initialize: async () => {
            order.push(`${name} alone: ${running++ === 0}`);
            await new Promise((resolve) => setTimeout(resolve, 30));
            running--;
          },
        }),
    });
    await system.host(slow('third'), slow('second'), slow('first'));
    await system.start();
    await system.open();

    expect(order).toEqual(['first alone: true', 'second alone: true', 'third alone: true']);
    await until(async () => expect((await steps()).map(({ phase, platform, result }) => [phase, platform, result].filter(Boolean).join(' '))).toEqual([
      'configuration ok', 'database ok', 'health ok', 'platforms first ready', 'platforms second ready', 'platforms third ready', 'platforms ok', 'open ok',
    ]));
  });

  it('goes on without a platform that fails, and tries it again until it starts', async () => {
    system = ConductorHarness.prepare({ STARTUP_PLATFORMS: 'broken,fine', STARTUP_RETRY_BASE_MS: '200' });
    let [tries, mended] = [0, false];
    const { host } = await system.host(
      { name: 'broken', create: () => quiet({ initialize: async () => { tries++; if (!mended) throw new Error('no connection'); } }) },
      { name: 'fine', create: () => quiet() },
    );
    await system.start();
    await system.open();

    expect(host.instances.find(({ name }) => name === 'fine')?.state.lifecycle).toBe('ready');
    await until(() => expect(tries).toBeGreaterThanOrEqual(3));
    mended = true;
    await until(() => expect(host.instances.find(({ name }) => name === 'broken')?.state.lifecycle).toBe('ready'));
    await until(async () => expect((await steps()).find(({ platform }) => platform === 'broken')).toMatchObject({ result: 'failed', detail: 'no connection' }));
  });

  it('leaves a platform that needs a person alone until somebody restarts it', async () => {
    system = ConductorHarness.prepare({ STARTUP_PLATFORMS: 'discord' });
    let token = 'wrong';
    let tries = 0;
    const { host } = await system.host({ name: 'discord', create: () => quiet({ initialize: async () => { tries++; if (token === 'wrong') throw SetupFailure.needsAttention('the token is refused; set a new one'); } }) });
    await system.start();
    await system.open();

    await until(() => expect(host.instances[0]!.state).toMatchObject({ lifecycle: 'needs-attention', reason: 'the token is refused; set a new one' }));
    token = 'right';
    expect(tries).toBe(1);
    expect((await system.call('POST', '/v1/platforms/discord/restart')).status).toBe(200);
    await until(() => expect(host.instances[0]!.state.lifecycle).toBe('ready'));
  });

  it('goes on without a platform that takes too long, and lets it join later', async () => {
    system = ConductorHarness.prepare({ STARTUP_PLATFORMS: 'missing,quick', STARTUP_GIVE_UP_MS: '600' });
    await system.host({ name: 'quick', create: () => quiet() });
    await system.start();
    await system.open();

    await until(async () => expect((await steps()).find(({ platform }) => platform === 'missing')).toMatchObject({ result: 'missing' }));
    const { host } = await system.host({ name: 'missing', create: () => quiet() });
    await until(() => expect(host.instances[0]!.state.lifecycle).toBe('ready'));
  });

  it('lets the next platform start when one leaves that was about to start', async () => {
    system = ConductorHarness.prepare({ STARTUP_GIVE_UP_MS: '120000' });
    await system.host({ name: 'any', create: () => quiet() });
    await system.start();
    await system.open();

    let begun = false;
    const leaving = await system.host({ name: 'leaving', create: () => quiet({ initialize: () => { begun = true; return new Promise(() => {}); } }) });
    await until(() => expect(begun).toBe(true));
    const { host } = await system.host({ name: 'next', create: () => quiet() });
    await leaving.context.resources.drain();

    await until(() => expect(host.instances[0]!.state.lifecycle).toBe('ready'));
  });

  it('opens routing when the plugins that are in use were started, too', async () => {
    system = ConductorHarness.prepare();
    const { context } = await system.host({ name: 'any', create: () => quiet() });
    await new PluginWishes(context.connections, context.notices, context.logger).wish('greeter', { enabled: true });
    const hosts = new PluginHosts(context.connections);
    const report = (settled: boolean) => hosts.report({ instance: 'plugin-host-1', machine: 'here', pid: process.pid, at: Date.now(), publicKey: '', plugins: {}, settled });
    await report(false);
    await system.start();
    const reason = async () => JSON.stringify(await (await fetch(`${system.conductors[0]!.url}/health/ready`)).json());

    await until(async () => expect(await reason()).toContain('start-up is at: platforms'));
    for (let looks = 0; looks < 10; looks++) expect(await reason()).toContain('start-up is at: platforms');

    await report(true);
    await system.open();
  });

  it('makes the first admin key into a file that only its owner may read', async () => {
    system = ConductorHarness.prepare();
    await system.host({ name: 'any', create: () => quiet() });
    await system.start();
    await system.open();

    expect((await stat(join(system.config.home, 'admin-key'))).mode & 0o777).toBe(0o600);
    expect((await system.call('GET', '/v1/status')).status).toBe(200);
    expect((await system.call('GET', '/v1/status', undefined, { key: 'cnd_wrong-key-of-somebody' })).status).toBe(401);
  });

  it('hands over to a conductor that stands by', async () => {
    system = ConductorHarness.prepare({ STARTUP_PLATFORMS: 'one' });
    await system.host({ name: 'one', create: () => quiet() });
    const first = await system.start();
    await system.open();
    await system.start();
    expect((await system.call<SystemStatus>('GET', '/v1/status', undefined, { conductor: 1 })).status).toBe(200);

    await first.stop();
    await until(async () => {
      const { connections } = system.conductors[1]!.context;
      expect(await connections.commands.get(`${connections.namespace}:phase`)).toBe('open');
    });
  });
});
