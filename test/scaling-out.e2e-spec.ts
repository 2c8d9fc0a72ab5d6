import type { ProcessState, ScalingDecision, ScalingPolicyView } from '@conductor/contracts';
import { until } from '@conductor/testing';
import { SteadyTraffic } from './support/steady-traffic';
import { System } from './support/system';

const PLATFORM = 'twitch';
/** Messages a second, and for how many one process is meant: three processes are needed. */
const [RATE, PER_PROCESS] = [8, 3];
/** Much more than the machine has, so that memory forbids nothing. */
const BUDGET_MB = '1000000';

describe('a platform under real load', () => {
  let system: System;
  beforeAll(async () => {
    system = await System.start({ env: { SCALER_MEMORY_BUDGET_MB: BUDGET_MB, SCALER_INTERVAL_MS: '500', SCALER_TRAINING: 'false' } });
  }, 180_000);
  afterAll(() => system?.stop(), 60_000);

  /** Also on a machine that has much else to do. */
  const soon = <T>(assertion: () => T | Promise<T>) => until(assertion, 120_000);
  const processes = async () => (await system.get<{ items: ProcessState[] }>('conductor', '/v1/processes')).items.filter(({ app }) => app.startsWith('stubs')).map(({ app, state }) => [app, state]);
  const steps = async (kind: ScalingDecision['kind']) => {
    const { items } = await system.get<{ items: ScalingDecision[] }>('conductor', `/v1/scaling/decisions?platform=${PLATFORM}&kind=${kind}&limit=200`);
    return items.reverse().filter(({ action }) => action.type === 'instances');
  };
  const numbersOf = (all: ScalingDecision[]) => all.map(({ action }) => (action.type === 'instances' ? [action.from, action.to] : []));

  let traffic: SteadyTraffic;

  it('gets another process, and another, each by a decision that explains it, where the policy allows it', async () => {
    const { status, body } = await system.ask<ScalingPolicyView>('conductor', '/v1/scaling/policy', {
      method: 'PATCH',
      body: { load: { requestsPerSecondPerInstance: PER_PROCESS, maxInstancesOf: { [PLATFORM]: 3 }, scaleDownAfterMs: 5_000, upEveryMs: 500, spikeLeastRequestsPerSecond: 10_000, busyPercent: 100 } },
    });
    expect({ status, load: body.policy.load }).toMatchObject({ status: 200, load: { maxInstances: 1, maxInstancesOf: { [PLATFORM]: 3 } } });
    expect(await processes()).toEqual([['stubs', 'ready']]);

    traffic = new SteadyTraffic(system, PLATFORM, RATE);
    await soon(async () => expect(await processes()).toEqual([['stubs', 'ready'], ['stubs#2', 'ready'], ['stubs#3', 'ready']]));
    await soon(async () => expect(await system.platform(PLATFORM)).toMatchObject({ reason: 'all 3 instances are healthy' }));

    const ups = await soon(async () => {
      const all = await steps('scale-up');
      expect(numbersOf(all).slice(0, 2)).toEqual([[1, 2], [2, 3]]);
      return all;
    });
    for (const { trigger, rule, reason, inputs } of ups) {
      expect({ trigger, rule, reason, inputs }).toMatchObject({
        trigger: 'gradual',
        rule: 'gradual: more than 3 requests a second and instance, observed or forecast',
        reason: expect.stringMatching(/^twitch gets an instance more \(\d → \d\) because [\d.]+ requests a second (come in|are forecast), more than the [\d.]+ that \d instances? (is|are) meant for$/) as unknown,
        inputs: { requestsPerSecond: expect.any(Number) as unknown, instances: expect.any(Number) as unknown },
      });
    }
  }, 180_000);

  it('gives them back when it is quiet, one at a time and the idlest first, and no message is lost', async () => {
    const outcomes = await traffic.end();
    expect(outcomes.length).toBeGreaterThan(RATE);

    await soon(async () => expect(await processes()).toEqual([['stubs', 'ready']]));
    const downs = await soon(async () => {
      const all = await steps('scale-down');
      expect(numbersOf(all).slice(-2)).toEqual([[3, 2], [2, 1]]);
      return all;
    });
    for (const { reason, action, at } of downs) {
      expect(reason).toMatch(/^twitch gives back an instance \(\d → \d\) after 5 s of quiet$/);
      expect(action).toMatchObject({ idlest: expect.any(String) as unknown });
      expect(at).toBeGreaterThan(0);
    }
    const [first, second] = downs.slice(-2);
    expect(second!.at - first!.at).toBeGreaterThanOrEqual(5_000);

    expect(outcomes.filter(({ status }) => status !== 200)).toEqual([]);
    for (const [id, times] of await traffic.takenUp()) expect({ id, times }).toEqual({ id, times: 1 });
    await soon(async () => expect(await system.platform(PLATFORM)).toMatchObject({ state: 'ready', reason: 'its instance is healthy' }));
  }, 300_000);
});
