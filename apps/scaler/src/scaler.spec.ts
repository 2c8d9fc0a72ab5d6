import { ROLLUP_MS } from '@conductor/contracts';
import { ScalingHistory, ScalingLog } from '@conductor/persistence';
import { until } from '@conductor/testing';
import { NEVER, Stage } from './fixtures/stage';

let stage: Stage;
afterEach(() => stage?.close());

/** Whatever the machine has in use is above or below these. */
const FULL = { restoreAtPercent: 1, disableAtPercent: 1.1, emergencyAtPercent: 99.9 };
const WALL = { restoreAtPercent: 1, disableAtPercent: 1.1, emergencyAtPercent: 1.2 };

describe('the scaler', () => {
  it('sheds one platform after the other, in order, and writes down what each gave back', async () => {
    stage = await Stage.open();
    stage.obey();
    await stage.platform('discord');
    await stage.platform('voice');
    await stage.platform('brain');
    await stage.scaler();
    await stage.board.changePolicy(FULL);

    await until(() => expect(stage.decided('shed').map(({ platforms }) => platforms)).toEqual([['voice'], ['discord']]));
    const [voice, discord] = stage.decided('shed');
    expect(stage.directory.desired.get('voice')?.suspended).toMatchObject({ decision: voice!.id, reason: expect.stringMatching(/^shed because RAM was at \d+ % of \d+ MB$/) });
    expect(discord!.at).toBeGreaterThan(voice!.at);
    await until(() => expect(stage.measured(voice!.id)).toMatchObject({ freedMb: 240, settled: true }));
    await until(() => expect(stage.directory.desired.get('voice')?.suspended?.freedMb).toBe(240));
    expect(stage.directory.desired.get('brain')?.suspended).toBeUndefined();
  });

  it('brings them back in reverse, and forgets nothing of it in the database', async () => {
    stage = await Stage.open(WALL);
    stage.obey();
    await stage.platform('android');
    await stage.platform('voice');
    await stage.scaler();
    await until(() => expect(stage.decided('emergency').map(({ platforms }) => platforms)).toEqual([['voice'], ['android']]));
    await stage.board.changePolicy(NEVER);
    await until(() => expect(stage.decided('restore').map(({ platforms }) => platforms)).toEqual([['android'], ['voice']]));
    await until(() => expect(stage.measured(stage.decided('restore')[1]!.id)).toMatchObject({ freedMb: -240 }));
    expect(stage.directory.desired.get('voice')?.suspended).toBeUndefined();

    const rows = async () => (await new ScalingLog(stage.database).list({ platform: 'voice' })).items;
    await until(async () => expect((await rows()).map(({ kind, measured }) => [kind, measured?.freedMb])).toEqual([['restore', -240], ['emergency', 240]]));
  });

  it('takes platforms of one process for one', async () => {
    stage = await Stage.open();
    stage.obey();
    for (const name of ['minecraft', 'twitch']) await stage.platform(name, { pid: 7, app: 'stubs' });
    await stage.scaler();
    await stage.board.changePolicy(FULL);

    await until(() => expect(stage.decided('shed').map(({ platforms }) => [...platforms].sort())).toEqual([['minecraft', 'twitch']]));
    expect(stage.decided('shed')[0]!.inputs.unitMb).toBe(300);
  });

  it('leaves a pinned one alone, and lets go of what an operator brings back', async () => {
    stage = await Stage.open();
    stage.obey();
    await stage.platform('voice');
    await stage.platform('android');
    await stage.directory.desire('android', { pinned: true });
    await stage.scaler();
    await stage.board.changePolicy({ ...FULL, minOnMs: 60_000 });
    await until(() => expect(stage.decided('no-change').map(({ reason }) => reason).join()).toMatch(/nothing is left that may be shed: android is pinned or protected/));
    await stage.board.changePolicy(NEVER);
    await stage.directory.desire('voice', { suspended: null });

    await until(async () => expect((await stage.board.state()) as object).toMatchObject({ state: { units: { voice: { restoredAt: expect.any(Number) } } } }));
    expect(stage.decided('shed')).toHaveLength(1);
    expect(stage.directory.desired.get('android')?.suspended).toBeUndefined();
  });

  it('gives a platform more workers in a spike', async () => {
    stage = await Stage.open();
    await stage.platform('discord', { inFlight: 9 });
    await stage.scaler();

    await until(() => expect(stage.decided('scale-up')[0]).toMatchObject({ platforms: ['discord'], trigger: 'gradual', action: { type: 'concurrency', from: 10, to: 20 } }));
    await until(() => expect(stage.directory.desired.get('discord')).toMatchObject({ concurrency: 20 }));
  });

  it('only tells in watch mode', async () => {
    stage = await Stage.open({ mode: 'watch' });
    await stage.platform('voice');
    await stage.scaler();
    await stage.board.changePolicy(FULL);

    await until(() => expect(stage.decided('shed')[0]?.reason).toMatch(/^\(only watching\) voice is shed because/));
    await until(async () => expect((await stage.board.view())?.at).toBeGreaterThan(stage.decided('shed')[0]!.at));
    expect(stage.directory.desired.get('voice')?.suspended).toBeUndefined();
    expect(stage.decided('shed')).toHaveLength(1);
  });

  it('shows what it sees and foresees, and keeps it', async () => {
    stage = await Stage.open();
    await stage.platform('voice');
    const app = await stage.scaler();

    await until(async () => expect(await stage.board.view()).toMatchObject({ training: { state: expect.any(String), reason: expect.any(String) }, memory: { wall: expect.any(String), usedMb: expect.any(Number) }, platforms: [{ name: 'voice', unit: 'voice', rssMb: 300, priority: 10 }] }));
    await until(async () => expect((await stage.board.view())?.forecasts.find(({ series, lookAheadMs }) => series === 'memory:total' && lookAheadMs === 300_000)).toMatchObject({ model: expect.any(String), value: expect.any(Number) }));
    const { body } = await stage.get(app, '/v1/window?series=memory:voice');
    expect(body.points.at(-1)).toEqual({ at: expect.any(Number), value: 300 });
    expect((await stage.get(app, '/v1/window?series=nothing')).status).toBe(404);
    const metrics = await (await fetch(`${app.url}/metrics`)).text();
    expect(metrics).toMatch(/scaler_acting\{[^}]*\} 1/);
    expect(metrics).toMatch(/scaler_unit_memory_megabytes\{[^}]*unit="voice"[^}]*\} 300/);

    await app.stop();
    await until(async () => expect((await new ScalingHistory(stage.database).since(ROLLUP_MS.fine, 0)).get('memory:voice')?.at(-1)).toMatchObject({ mean: 300, max: 300 }));
  });
});

describe('of several scalers', () => {
  it('one decides, and another takes over with all that was known, without deciding twice', async () => {
    stage = await Stage.open();
    stage.obey();
    await stage.platform('voice');
    const [first] = [await stage.scaler(), await stage.scaler()];
    await stage.board.changePolicy({ ...FULL, minOffMs: 3_600_000 });
    await until(() => expect(stage.decided('shed')).toHaveLength(1));
    const [shed] = stage.decided('shed');
    await until(() => expect(stage.measured(shed!.id)).toBeDefined());
    expect(shed!.by).toBe(first.context.instance);

    await first.stop();
    await until(async () => expect((await stage.board.view())?.by).toBe(stage.scalers[1]!.context.instance), 20_000);
    expect(await stage.board.state()).toMatchObject({ state: { units: { voice: { freedMb: 240, offUntil: expect.any(Number) } } } });
    expect(stage.decided('shed')).toHaveLength(1);
  });

  it('another takes over within 15 s when the one that decides is killed', async () => {
    stage = await Stage.open();
    stage.obey();
    await stage.platform('voice');
    const first = stage.child();
    await until(async () => expect(await stage.board.view()).toBeDefined(), 60_000);
    await stage.scaler();
    await first.kill();
    const killedAt = Date.now();
    await stage.board.changePolicy(FULL);

    const [shed] = await until(() => {
      expect(stage.decided('shed')).toHaveLength(1);
      return stage.decided('shed');
    }, 20_000);
    expect(shed).toMatchObject({ by: stage.scalers[0]!.context.instance, token: 2 });
    expect(shed!.at - killedAt).toBeLessThanOrEqual(15_000);
  }, 120_000);

  it('the wish of one that does not know yet that another took over is refused', async () => {
    stage = await Stage.open();
    await stage.platform('voice');
    await stage.scaler();
    await until(async () => expect(await stage.board.view()).toBeDefined());
    await stage.context.connections.commands.incr(`{${stage.config.namespace}:desired}:fence:scaler`);
    await stage.board.changePolicy(FULL);

    await expect(stage.directory.desire('voice', { pinned: true }, { name: 'scaler', token: 1 })).rejects.toThrow(/has a newer holder than number 1/);
    await expect(stage.board.keepState({}, { name: 'scaler', token: 1 })).rejects.toThrow(/newer holder/);
    await expect(stage.directory.desire('voice', { pinned: false })).resolves.toMatchObject({ pinned: false });
  });

  it('what one had decided and not done is done by the next, under the same id', async () => {
    stage = await Stage.open({ minOffMs: 3_600_000 });
    stage.obey();
    await stage.platform('voice');
    const at = Date.now();
    const decision = {
      id: 'd-left-behind', at, kind: 'shed', platforms: ['voice'], trigger: 'observed', rule: 'r', reason: 'voice is shed because RAM was at 81 % of 12000 MB; it returns when RAM stays below 65 %', inputs: {}, action: { type: 'suspend' },
      expected: {}, reconsiderAt: at, token: 0, by: 'a scaler that died',
    };
    const state = { decisions: 1, lastAt: at, units: { voice: { platforms: ['voice'], strikes: 0, offUntil: at + 3_600_000, runningMb: 300 } }, load: {}, pending: { kind: 'shed', decisions: { voice: 'd-left-behind' }, unitMb: { voice: 300 }, processes: [], platforms: ['voice'], beforeMb: 9_000, since: at, figures: [] } };
    await stage.board.keepState({ state, open: [{ decision, carriedOut: false }], policyVersion: 1 }, { name: 'scaler', token: 0 });
    await stage.scaler();

    await until(() => expect(stage.directory.desired.get('voice')?.suspended).toMatchObject({ decision: 'd-left-behind' }));
    await until(() => expect(stage.measured('d-left-behind')).toMatchObject({ freedMb: 240 }));
    expect(stage.decided('shed')).toEqual([]);
  });
});
