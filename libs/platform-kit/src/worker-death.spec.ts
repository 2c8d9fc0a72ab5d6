import { join } from 'node:path';
import { linesOf } from '@conductor/bus';
import { openPlatforms, type PlatformStage, type RouterDouble, ScriptedPlatform, testNamespace, testRedisUrl, TypeScriptChild, until } from '@conductor/testing';

const LOCK_MS = 1_000;
const WORKER = join(__dirname, 'testing/doomed-worker.ts');

let stage: PlatformStage | undefined;
const children: TypeScriptChild[] = [];
afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => child.kill()));
  await stage?.close();
  stage = undefined;
});

/** The platform here is switched off until the doomed one has done its part. */
const open = async (how: { repeatable: boolean }) => {
  const platform = new ScriptedPlatform();
  const env = { CONDUCTOR_NAMESPACE: testNamespace(), JOB_LOCK_MS: String(LOCK_MS) };
  stage = await openPlatforms([platform.definition('p', how)], { env, permits: false });
  return { platform, router: stage.router, env };
};

const doomed = async (env: Record<string, string>, router: RouterDouble, more: Record<string, string> = {}) => {
  const child = TypeScriptChild.start(WORKER, { ...env, REDIS_URL: testRedisUrl(), LOG_LEVEL: 'warn', ...more });
  children.push(child);
  const known = new Set([stage!.host.instances[0]!.id, ...router.heard.map(({ instance }) => instance)]);
  const arrived = await until(() => {
    const notice = router.heard.find(({ event, instance }) => event === 'arrived' && !known.has(instance));
    if (!notice) throw new Error(`the worker did not arrive: ${child.output}`);
    return notice;
  });
  await router.permit('p', arrived.instance);
  return { child, instance: arrived.instance };
};

const permitOurs = (router: RouterDouble) => router.permit('p', stage!.host.instances[0]!.id);

describe('a message whose worker is killed while carrying it out', () => {
  it('is carried out again by another worker, when it may be repeated', async () => {
    const { platform, router, env } = await open({ repeatable: true });
    const { child, instance } = await doomed(env, router);
    const id = await router.send('p');
    await untilActive(router, id);

    await child.kill('SIGKILL');
    await permitOurs(router);
    const record = await router.settled(id);

    expect(record).toMatchObject({ state: 'answered', instance: stage!.host.instances[0]!.id });
    expect(record.trail.filter(({ step }) => step === 'started').map((step) => step.instance)).toEqual([instance, record.instance]);
    expect(platform.timesAsked(id)).toBe(1);
  });

  it('is carried out again, though it had not been written down before', async () => {
    const { platform, router, env } = await open({ repeatable: true });
    const { child } = await doomed(env, router);
    const id = await router.send('p', {}, { unwritten: linesOf([{ at: Date.now(), step: 'accepted' }]) });
    await untilActive(router, id);

    await child.kill('SIGKILL');
    await permitOurs(router);
    const record = await router.settled(id);

    expect(record.trail.map(({ step }) => step)).toEqual(['accepted', 'started', 'started', 'answered']);
    expect(platform.timesAsked(id)).toBe(1);
  });

  it('is dead-lettered with an unknown outcome, when it must not be repeated', async () => {
    const { platform, router, env } = await open({ repeatable: false });
    const { child } = await doomed(env, router);
    const [begun, other] = await router.sendParcel('p', [{}, {}]);
    await untilActive(router, begun!);
    await untilActive(router, other!);

    await child.kill('SIGKILL');
    await permitOurs(router);

    for (const id of [begun!, other!]) {
      expect(await router.settled(id)).toMatchObject({ state: 'dead-lettered', code: 'outcome-unknown' });
      expect(await router.letter(id)).toMatchObject({ code: 'outcome-unknown', reason: expect.stringContaining('may or may not have been carried out') });
    }
    expect(platform.requests).toEqual([]);
    expect(await router.ask('p')).toMatchObject({ state: 'answered' });
  });

  it('is dead-lettered when it has killed every worker that took it', async () => {
    const { platform, router, env } = await open({ repeatable: true });
    const id = await router.send('p');
    const kill = async () => {
      const { child } = await doomed(env, router, { DOOMED: 'dies-at-once' });
      await until(() => expect(child.hasEnded).toBe(true));
    };
    for (let starts = 0; starts < 3; starts++) await kill();
    await permitOurs(router);

    expect(await router.settled(id)).toMatchObject({ state: 'dead-lettered', code: 'stalled-out' });
    expect(platform.requests).toEqual([]);
  }, 60_000);
});

const untilActive = (router: RouterDouble, id: string) => until(async () => expect((await router.ledger.read(id))?.trail.at(-1)?.step).toBe('started'));
