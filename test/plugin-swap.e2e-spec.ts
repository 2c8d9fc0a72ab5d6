import type { PluginEvent } from '@conductor/contracts';
import { until } from '@conductor/testing';
import { DroppedPlugins } from './support/dropped-plugins';
import { freshHome } from './support/command';
import { footprintOf, settledFootprintOf } from './support/footprint';
import { SteadyTraffic } from './support/steady-traffic';
import { System } from './support/system';

/** Only counted here; how long they take under it is what `npm run bench -- swap` measures. */
const PER_SECOND = 200;
const SWAPS = 20;
/** `SWAP_LEAK_COUNT=100 npm test -- test/plugin-swap` is the long version. */
const LEAK_SWAPS = Number(process.env['SWAP_LEAK_COUNT'] ?? 10);

describe('swapping a plugin', () => {
  let system: System;
  let plugins: DroppedPlugins;
  beforeAll(async () => {
    const home = freshHome();
    plugins = new DroppedPlugins(home, () => system);
    plugins.echo('1.0.0');
    plugins.echo('1.1.0');
    system = await System.start({ home, env: { PLUGIN_WATCH_MS: '4000' } });
    await plugins.approve('echo', '1.0.0');
    await plugins.approve('echo', '1.1.0');
    await plugins.load('echo', '1.0.0');
  }, 120_000);
  afterAll(() => system.stop(), 30_000);

  it(`back and forth ${SWAPS} times under steady traffic loses no message, fails none, and has none answered twice`, async () => {
    const traffic = new SteadyTraffic(system, 'echo', PER_SECOND);
    for (let n = 1; n <= SWAPS; n++) {
      const version = n % 2 === 1 ? '1.1.0' : '1.0.0';
      const report = await plugins.swap('echo', version);
      expect(report.steps.map(({ step }) => step)).toEqual(['resolve', 'scan', 'start', 'health', 'canary', 'switch', 'drain', 'stop']);
      expect(report.proof).toEqual([expect.objectContaining({ leftovers: [], unfinished: 0 })]);
      // Some messages for each version.
      const { sent } = traffic;
      await until(() => expect(traffic.sent).toBeGreaterThan(sent + 5));
    }
    const outcomes = await traffic.end();

    expect(outcomes.filter(({ status }) => status !== 200)).toEqual([]);
    expect(new Set(outcomes.map(({ id }) => id)).size).toBe(traffic.sent);
    expect(new Set(outcomes.map(({ answer }) => answer?.version))).toEqual(new Set(['1.0.0', '1.1.0']));
    expect(outcomes.filter(({ answer }) => answer?.times !== 1)).toEqual([]);
    expect([...(await traffic.takenUp())].filter(([, times]) => times !== 1)).toEqual([]);
  }, 180_000);

  it(`${LEAK_SWAPS} times leaves processes, file descriptors, listeners, Redis connections and memory where they were`, async () => {
    const go = async () => plugins.swap('echo', (await plugins.view('echo')).version === '1.0.0' ? '1.1.0' : '1.0.0');
    // What is loaded once is loaded then.
    for (let n = 0; n < 2; n++) await go();
    const counted = { pid: system.pid('plugin-host'), url: system.url('plugin-host'), redisUrl: system.run.redisUrl };
    const before = await settledFootprintOf(counted);
    for (let n = 0; n < LEAK_SWAPS; n++) await go();
    await until(async () => {
      const after = await footprintOf(counted);
      expect(after).toEqual({ ...before, rssMb: expect.any(Number) });
      expect(after.rssMb).toBeLessThan(before.rssMb + 60);
    });
    expect((await system.get<{ hosts: Array<{ generations: unknown[] }> }>('conductor', '/v1/plugins/echo/resources')).hosts[0]!.generations).toHaveLength(1);
  }, 600_000);

  it('tells what was done, in the history and in the audit log', async () => {
    const { from, to } = await plugins.swap('echo', (await plugins.view('echo')).version === '1.0.0' ? '1.1.0' : '1.0.0');
    await until(async () => {
      const { items } = await system.get<{ items: PluginEvent[] }>('conductor', '/v1/plugins/echo/history');
      expect(items[0]).toMatchObject({ event: 'swapped', version: to, from, plugin: 'echo' });
    });
    const audit = await system.get<{ items: Array<{ subject: string; after: unknown }> }>('conductor', '/v1/audit?action=plugin.swap');
    expect(audit.items[0]).toMatchObject({ subject: 'echo', after: { version: to } });
  });
});
