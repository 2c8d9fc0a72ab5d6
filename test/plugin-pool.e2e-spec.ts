import type { PlatformView, PlatformWhy, ScalingDecision, ScalingPolicyView } from '@conductor/contracts';
import type { SandboxedFigures } from '@conductor/plugin-runtime';
import { until } from '@conductor/testing';
import { freshHome } from './support/command';
import { DroppedPlugins } from './support/dropped-plugins';
import { SteadyTraffic } from './support/steady-traffic';
import { System } from './support/system';

const MOST = 3;
/** Each message takes a while, so that a few a second keep the two workers of one process busy. */
const SLOW = "async handleRequest({ content }) { await new Promise((resolve) => setTimeout(resolve, 600)); return { text: textOf(content) }; }";
const RATE = 8;

describe('a plugin under real load', () => {
  let home: string;
  let system: System;
  let plugins: DroppedPlugins;
  beforeAll(async () => {
    home = freshHome();
    plugins = new DroppedPlugins(home, () => system);
    plugins.write({ name: 'slow', version: '1.0.0', hooks: SLOW, conductor: { instances: MOST, concurrency: 2 } });
    system = await System.start({ home, env: { SCALER_MEMORY_BUDGET_MB: '1000000', SCALER_INTERVAL_MS: '500', SCALER_TRAINING: 'false' } });
    await plugins.approve('slow', '1.0.0');
    await plugins.load('slow', '1.0.0');
  }, 180_000);
  afterAll(() => system?.stop(), 60_000);

  /** Also on a machine that has much else to do. */
  const soon = <T>(assertion: () => T | Promise<T>) => until(assertion, 120_000);
  const processes = async () => (await system.get<{ items: SandboxedFigures[] }>('plugin-host', '/v1/plugins/resources')).items.flatMap(({ generations }) => generations.flatMap((generation) => generation.processes));
  const steps = async (kind: ScalingDecision['kind']) => {
    const { items } = await system.get<{ items: ScalingDecision[] }>('conductor', `/v1/scaling/decisions?platform=slow&kind=${kind}&limit=200`);
    return items.reverse().filter(({ action }) => action.type === 'pool-size');
  };
  const why = async () => (await system.get<PlatformWhy>('conductor', '/v1/platforms/slow/why')).why;
  let traffic: SteadyTraffic;

  it('gets as many processes as its manifest allows, by decisions that explain it', async () => {
    const { status } = await system.ask<ScalingPolicyView>('conductor', '/v1/scaling/policy', { method: 'PATCH', body: { load: { upEveryMs: 500, spikeLeastRequestsPerSecond: 10_000 } } });
    expect(status).toBe(200);
    expect(await system.post<PlatformView>('conductor', '/v1/platforms/slow/scale', { poolSize: 1 })).toMatchObject({ status: 200, body: { wished: { poolSize: 1 } } });
    expect(await system.post('conductor', '/v1/platforms/slow/scale', { poolSize: MOST + 1 })).toMatchObject({ status: 400, body: { detail: 'slow runs in at most 3 sandboxed processes a host, as its manifest says.' } });

    traffic = new SteadyTraffic(system, 'slow', RATE);
    await soon(async () => expect(await processes()).toHaveLength(MOST));

    const ups = await soon(async () => {
      const all = await steps('scale-up');
      expect(all.map(({ action }) => action)).toEqual([{ type: 'pool-size', from: 1, to: 2 }, { type: 'pool-size', from: 2, to: 3 }]);
      return all;
    });
    for (const { trigger, reason, inputs } of ups) expect({ trigger, reason, inputs }).toMatchObject({ trigger: 'gradual', reason: expect.stringMatching(/^slow gets sandboxed processes \(\d → \d a host\) because /) as unknown, inputs: { poolSize: expect.any(Number) as unknown } });
    expect(await why()).toMatch(/its plugin is given 3 sandboxed processes a host while there is work; at \d\d:\d\d the scaler decided: slow gets /);
  }, 180_000);

  it('gives them back when it is quiet, one at a time, and at last its work decides again; no message is lost', async () => {
    const outcomes = await traffic.end();
    await system.ask<ScalingPolicyView>('conductor', '/v1/scaling/policy', { method: 'PATCH', body: { load: { scaleDownAfterMs: 4_000 } } });

    const downs = await soon(async () => {
      const all = await steps('scale-down');
      expect(all.map(({ action }) => (action.type === 'pool-size' ? [action.from, action.to] : []))).toEqual([[3, 2], [2, 1], [1, null]]);
      return all;
    });
    downs.slice(1).forEach(({ at }, before) => expect(at - downs[before]!.at).toBeGreaterThanOrEqual(4_000));
    await soon(async () => expect(await processes()).toHaveLength(1));
    expect((await system.platform('slow')).wished).toEqual({ instances: 1 });

    expect(outcomes.length).toBeGreaterThan(RATE);
    expect(outcomes.filter(({ status }) => status !== 200)).toEqual([]);
    for (const [id, times] of await traffic.takenUp()) expect({ id, times }).toEqual({ id, times: 1 });
  }, 300_000);
});
