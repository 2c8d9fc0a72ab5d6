import { Leaving } from '@conductor/http';
import { openPlatforms, type PlatformStage, ScriptedPlatform, until } from '@conductor/testing';

const stages: PlatformStage[] = [];
/** Two platforms, `one` and `other`, in a process that may leave. */
const open = async (script: Partial<ScriptedPlatform> = {}) => {
  const left: string[] = [];
  const leaving = new Leaving((reason) => left.push(reason));
  const one = Object.assign(new ScriptedPlatform(), script);
  const stage = await openPlatforms([one.definition('one', { concurrency: 2 }), new ScriptedPlatform().definition('other')], { leaving });
  stages.push(stage);
  const { router } = stage;
  await Promise.all([router.untilState('one', 'ready'), router.untilState('other', 'ready')]);
  const suspend = (platform: string) => router.directory.desire(platform, { suspended: { reason: 'RAM is short', since: 1 } });
  return { one, stage, router, leaving, left, suspend };
};
afterEach(() => Promise.all(stages.splice(0).map((stage) => stage.close())));

const held = () => {
  let release = () => {};
  const until = new Promise<void>((resolve) => (release = resolve));
  return { release, onRequest: async () => until.then(() => ({ text: 'done' })) };
};

describe('a process that may leave', () => {
  it('stays when one platform of several is not wanted, and leaves when none is, with the reasons', async () => {
    const { router, left, suspend } = await open();
    await suspend('one');
    await router.untilState('one', 'suspended');
    expect(left).toEqual([]);

    await router.directory.desire('other', { enabled: false, reason: 'on holiday' });

    await until(() => expect(left).toEqual(['one: suspended (RAM is short); other: disabled (on holiday)']));
  });

  it('finishes what is in hand before it leaves, and hands the rest back', async () => {
    const { release, onRequest } = held();
    const { one, router, left, suspend } = await open({ onRequest });
    const ids = await router.sendParcel('one', Array(6).fill({ deadlineMs: 60_000 }));
    await until(() => expect(one.inFlight).toBe(2));
    await Promise.all([suspend('one'), suspend('other')]);
    await router.untilState('other', 'suspended');
    expect(left).toEqual([]);

    release();

    await until(() => expect(left).toHaveLength(1));
    expect(one.shutDown).toBe(1);
    const states = await Promise.all(ids.map(async (id) => (await router.ledger.read(id))!.state));
    expect(states.sort()).toEqual(['answered', 'answered', 'queued', 'queued', 'queued', 'queued']);
  });

  it('stays when a platform is wanted again while it still finishes what it has in hand, and does not call it ready meanwhile', async () => {
    const { release, onRequest } = held();
    const { one, router, left, suspend } = await open({ onRequest });
    await suspend('other');
    await router.untilState('other', 'suspended');
    await router.send('one', { deadlineMs: 60_000 });
    await until(() => expect(one.inFlight).toBe(1));
    await suspend('one');
    await router.directory.desire('one', { suspended: null });
    await until(async () => expect(await router.untilState('one', 'ready')).toMatchObject({ draining: true, inFlight: 1 }));

    release();

    await until(async () => expect((await router.untilState('one', 'ready')).draining).toBeUndefined());
    expect([one.initialized, one.shutDown, left]).toEqual([2, 1, []]);
    const id = await router.send('one', { deadlineMs: 60_000 });
    expect(await router.settled(id)).toMatchObject({ state: 'answered' });
  });

  it('does not bring a platform back that is wanted again after the process has begun to leave', async () => {
    const { one, stage, router, left, suspend } = await open();
    await Promise.all([suspend('one'), suspend('other')]);
    await until(() => expect(left).toHaveLength(1));

    await router.directory.desire('one', { suspended: null });
    await router.directory.desire('one', { restarts: 1 });
    const wishedAt = Date.now();

    // It has said how it is twice since, and is what it was.
    await until(async () => expect((await router.untilState('one', 'suspended')).at).toBeGreaterThan(wishedAt + stage.config.health.presenceTtlMs / 2));
    expect(router.heard.filter(({ platform, event }) => platform === 'one' && event === 'arrived')).toHaveLength(1);
    expect([one.initialized, one.shutDown, left.length]).toEqual([1, 1, 1]);
  });

  it('asked to go, finishes what is in hand however long that takes, and is not kept by a wish', async () => {
    const { release, onRequest } = held();
    const { one, router, leaving, left } = await open({ onRequest });
    const id = await router.send('one', { deadlineMs: 60_000 });
    await until(() => expect(one.inFlight).toBe(1));
    leaving.onAsked('fewer processes are wanted');
    await router.untilState('other', 'suspended');
    await router.directory.desire('other', { restarts: 1 });
    expect(left).toEqual([]);

    release();

    await until(() => expect(left).toEqual(['one, other: suspended (fewer processes are wanted)']));
    expect(await router.settled(id)).toMatchObject({ state: 'answered' });
  });
});
