import { type DesiredState, type PlatformView, type PlatformWhy, type ScalingDecision, ScalingPolicy, type ScalingPolicyView } from '@conductor/contracts';
import { ScalingBoard } from '@conductor/control';
import { openDatabase, ScalingLog } from '@conductor/persistence';
import { openTestContext } from '@conductor/testing';
import { ConductorHarness, quiet } from '../testing/harness';
import { whySentence } from './why-sentence';

const AT = Date.UTC(2026, 10, 22, 12);

const decision = (id: string, at: number, more: Partial<ScalingDecision> = {}): ScalingDecision => ({
  id, at, kind: 'shed', platforms: ['voice'], trigger: 'forecast', rule: 'shed at 80 %', reason: 'voice is shed because RAM was forecast at 86 % in 5 min; it returns when …', inputs: {}, action: { type: 'suspend' }, expected: {}, reconsiderAt: at, token: 1, by: 'scaler-1', ...more,
});

describe('the doors of scaling', () => {
  let system: ConductorHarness;
  beforeAll(async () => {
    system = ConductorHarness.prepare();
    await system.host({ name: 'voice', create: () => quiet() });
    await system.start();
    await system.open();
    const database = await openDatabase({ home: system.config.home });
    await new ScalingLog(database).write([decision('d-1', AT), decision('d-2', AT + 1, { platforms: ['android'], kind: 'restore' }), decision('d-3', AT + 2), decision('m-4', AT + 3, { kind: 'champion-changed', action: { type: 'none' } })]);
    await database.close();
  });
  afterAll(() => system.stop());

  it('list decisions, newest first, by platform, page by page', async () => {
    const { body } = await system.call<{ items: ScalingDecision[]; next: string }>('GET', '/v1/scaling/decisions?limit=2&to=2026-11-22T12:00:00.003Z');
    expect(body.items.map(({ id }) => id)).toEqual(['d-3', 'd-2']);

    const second = await system.call<{ items: ScalingDecision[] }>('GET', `/v1/scaling/decisions?cursor=${body.next}`);
    expect(second.body.items).toEqual([decision('d-1', AT)]);
    expect((await system.call<{ items: ScalingDecision[] }>('GET', '/v1/scaling/decisions?platform=android')).body.items.map(({ id }) => id)).toEqual(['d-2']);
    expect((await system.call('GET', '/v1/scaling/decisions?cursor=nonsense')).status).toBe(400);
    expect((await system.call('GET', '/v1/scaling/decisions?kind=guess')).status).toBe(400);
  });

  it('show and change the policy, setting by setting, with a trace in the audit log', async () => {
    expect((await system.call<ScalingPolicyView>('GET', '/v1/scaling/policy')).body).toMatchObject({ version: 0, policy: { disableAtPercent: 80, restoreAtPercent: 65, emergencyAtPercent: 95, order: ['voice', 'android', 'discord', 'stubs'] } });

    const changed = await system.call<ScalingPolicyView>('PATCH', '/v1/scaling/policy', { disableAtPercent: 75, load: { queueAgeMs: 500 }, priorities: { discord: 1 } });
    expect(changed).toMatchObject({ status: 200, body: { version: 1, policy: { disableAtPercent: 75, restoreAtPercent: 65, priorities: { discord: 1 }, load: { queueAgeMs: 500, spikeFactor: 2 } } } });
    // Neither of these changes anything, so neither leaves a trace.
    for (const nothing of [{}, { disableAtPercent: 75 }]) expect((await system.call<ScalingPolicyView>('PATCH', '/v1/scaling/policy', nothing)).body).toEqual(changed.body);
    const { body } = await system.call<{ items: Array<{ before: { disableAtPercent: number }; after: { disableAtPercent: number } }> }>('GET', '/v1/audit?action=scaling.policy');
    expect(body.items.map(({ before, after }) => [before.disableAtPercent, after.disableAtPercent])).toEqual([[80, 75]]);
  });

  it('go back to the default policy when asked to, once, with a trace in the audit log', async () => {
    await system.call('PATCH', '/v1/scaling/policy', { mode: 'watch', order: ['discord'], load: { maxInstancesOf: { brain: 3 } } });
    const back = await system.call<ScalingPolicyView>('DELETE', '/v1/scaling/policy');
    expect(back).toMatchObject({ status: 200, body: { policy: ScalingPolicy.parse({}) } });
    expect((await system.call<ScalingPolicyView>('GET', '/v1/scaling/policy')).body).toEqual(back.body);
    expect((await system.call<ScalingPolicyView>('DELETE', '/v1/scaling/policy')).body).toEqual(back.body);
    const { body } = await system.call<{ items: Array<{ before: { mode: string }; after: { mode: string } }> }>('GET', '/v1/audit?action=scaling.policy&limit=1');
    expect(body.items[0]).toMatchObject({ before: { mode: 'watch' }, after: { mode: 'act' } });
  });

  it.each([
    [{ restoreAtPercent: 90 }, /restoreAtPercent < disableAtPercent < emergencyAtPercent/],
    [{ disableAtPercent: 200 }, /./],
    [{ disableAt: 70 }, /./],
    [{ load: { spikeFactor: 0 } }, /./],
    [{ settleMs: 20_000 }, /./],
    // No more than the desired state of a platform can hold.
    [{ load: { maxInstances: 9 } }, /8/],
    [{ load: { maxInstancesOf: { voice: 9 } } }, /8/],
  ])('refuse a policy like %j', async (patch, says) => {
    const { status, body } = await system.call('PATCH', '/v1/scaling/policy', patch);

    expect(status).toBe(400);
    expect(JSON.stringify(body)).toMatch(says);
  });

  it('say that nothing is foreseen while no scaler acts', async () => {
    expect(await system.call('GET', '/v1/scaling/forecast')).toMatchObject({ status: 503, body: { code: 'not-ready', detail: expect.stringMatching(/No scaler acts just now/) as unknown } });
  });

  it('say how the training of the models stands, and what it waits for', async () => {
    const training = { state: 'waiting' as const, reason: 'its packages are being fetched', at: AT };
    const context = await openTestContext('scaler', system.config);
    await new ScalingBoard(context.connections, context.notices).show({ at: AT, by: 'scaler-1', training, forecasts: [], champions: [], platforms: [] });
    expect(await system.call('GET', '/v1/scaling/forecast')).toMatchObject({ status: 200, body: { training } });
    await context.resources.drain();
  });

  it('say why a platform is as it is, also the latest that was decided about it, its models aside', async () => {
    const { body } = await system.call<PlatformWhy>('GET', '/v1/platforms/voice/why');

    expect(body).toMatchObject({ platform: 'voice', why: expect.stringMatching(/^voice is /) as unknown, decision: { id: 'd-3' } });
    expect((await system.call('GET', '/v1/platforms/nobody/why')).status).toBe(404);
  });
});

describe('why, in one sentence', () => {
  const noon = new Date(2026, 10, 22, 14, 2).getTime();
  const platform = (state: PlatformView['state'], reason: string, more: Partial<PlatformView> = {}): PlatformView =>
    ({ name: 'voice', state, reason, since: noon, enabled: true, pinned: false, wished: { instances: 1 }, instances: [], breaker: { position: 'closed', routers: [] }, queue: { waiting: 0, active: 0, delayed: 0, oldestAgeMs: 0 }, ...more }) as unknown as PlatformView;
  const desired = (more: Partial<DesiredState>): DesiredState => ({ platform: 'voice', enabled: true, pinned: false, restarts: 0, version: 1, at: noon, ...more });
  const sentence = (view: PlatformView, more: Partial<Parameters<typeof whySentence>[0]> = {}) => whySentence({ platform: view, desired: undefined, scaling: undefined, decision: undefined, now: noon + 600_000, ...more });

  it('of one that was shed: since when, why, what it took, when it returns', () => {
    const scaling = { at: noon, by: 's', forecasts: [], champions: [], platforms: [{ name: 'voice', unit: 'voice', priority: 10, returnsAt: noon + 18 * 60_000 }] };
    const suspended = { reason: 'shed because RAM was forecast at 86 % in 5 min', since: noon, freedMb: 1_140, returnsWhen: 'RAM stays below 65 % for 5 min' };

    expect(sentence(platform('suspended', 'x'), { desired: desired({ suspended }), scaling })).toBe('voice is off since 14:02 because RAM was forecast at 86 % in 5 min; it took 1,140 MB; it returns when RAM stays below 65 % for 5 min, about 14:20');
  });

  it.each([
    ['disabled', 'the microphone is broken', /^voice is off since 14:02 because an operator wished so \(the microphone is broken\); it stays off until someone enables it$/],
    ['ready', 'its instance is healthy', /^voice is running since 14:02: its instance is healthy$/],
    ['degraded', 'it is slow', /^voice is running since 14:02, but not well: it is slow$/],
    ['failed', '3 failed checks', /^voice does not work since 14:02: 3 failed checks; it is tried again by itself, and POST/],
    ['needs-attention', 'bad token', /^voice does not work since 14:02 and waits for a person: bad token; once that is mended, POST/],
    ['starting', 'initializing', /^voice is on its way since 14:02: initializing$/],
    ['registered', 'waiting', /^voice is on its way/],
    ['recovering', 'one good check', /^voice is on its way/],
  ] as const)('of one that is %s', (state, reason, says) => {
    expect(sentence(platform(state, reason))).toMatch(says);
  });

  it('names those that share its process, and that it is pinned', () => {
    const scaling = { at: noon, by: 's', forecasts: [], champions: [], platforms: ['voice', 'other'].map((name) => ({ name, unit: 'app', priority: 10, rssMb: 1_234.5 })) };

    expect(sentence(platform('ready', 'fine', { pinned: true }), { scaling })).toBe('voice is running since 14:02: fine; its process takes 1,235 MB, shared with other; it is pinned, so the scaler never sheds it');
  });

  it('tells how many processes its plugin is given, and what the scaler decided of late', () => {
    const grown = decision('d-9', noon + 60_000, { kind: 'scale-up', reason: 'voice gets sandboxed processes (1 → 2 a host) because 10 of its 10 workers are busy' });
    const running = platform('ready', 'fine', { wished: { instances: 1, poolSize: 2 } });

    expect(sentence(running, { decision: grown })).toBe('voice is running since 14:02: fine; its plugin is given 2 sandboxed processes a host while there is work; at 14:03 the scaler decided: voice gets sandboxed processes (1 → 2 a host) because 10 of its 10 workers are busy');
    expect(sentence(running, { decision: grown, now: noon + 2 * 3_600_000 })).toBe('voice is running since 14:02: fine; its plugin is given 2 sandboxed processes a host while there is work');
  });
});
