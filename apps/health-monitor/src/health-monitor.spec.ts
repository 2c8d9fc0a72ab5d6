import { hang, ScriptedPlatform, until } from '@conductor/testing';
import { Stage } from './fixtures/stage';

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

let stage: Stage;
afterEach(() => stage?.close());

const openEcho = async (env: Record<string, string> = {}): Promise<ScriptedPlatform> => {
  stage = await Stage.open(env);
  const platform = new ScriptedPlatform();
  await stage.monitor();
  await stage.host(platform.definition('echo', { concurrency: 2 }));
  return platform;
};

describe('a platform that is watched', () => {
  it('becomes ready, and its figures can be read', async () => {
    await openEcho();

    const verdict = await stage.untilState('echo', 'ready');
    expect(verdict).toMatchObject({ name: 'echo', reason: 'its instance is healthy', instances: [{ verdict: 'healthy', pid: process.pid }] });
    await stage.untilChecked('echo', 1);
    const health = (await stage.health('echo'))!;
    expect(health.instances[0]).toMatchObject({ consecutiveFailures: 0, inFlight: 0 });
    expect(health.instances[0]!.responseTimeMs).toBeGreaterThan(0);
    expect(health.instances[0]!.rssMb).toBeGreaterThan(10);
  });

  it('bothers routers only with what is new', async () => {
    await openEcho();
    await stage.untilState('echo', 'ready');
    const { version } = stage.verdict('echo')!;

    await stage.untilChecked('echo', 3);

    expect(stage.verdict('echo')!.version).toBe(version);
    expect((await stage.health('echo'))!.version).toBe(version);
  });

  it('is degraded while it answers slowly', async () => {
    const platform = await openEcho({ HEALTH_INTERVAL_MS: '1000', HEALTH_TIMEOUT_MS: '1000' });
    await stage.untilState('echo', 'ready');
    platform.onHealthCheck = () => pause(350).then(() => ({ status: 'ok' }));

    expect((await stage.untilState('echo', 'degraded')).reason).toMatch(/slower than 300 ms/);
    platform.onHealthCheck = async () => ({ status: 'ok' });
    await stage.untilState('echo', 'ready');
  });

  it('is failed after three bad checks in a row, and ready again by way of recovering', async () => {
    const platform = await openEcho();
    await stage.untilState('echo', 'ready');
    await stage.untilChecked('echo', 1);
    platform.onHealthCheck = async () => ({ status: 'failed', reason: 'the gateway is gone' });

    const failed = await stage.untilState('echo', 'failed');
    expect(failed.reason).toMatch(/its only instance failed: 3 checks in a row failed: the gateway is gone; look at its log, or restart it/);
    expect(failed.instances[0]).toMatchObject({ verdict: 'failed', consecutiveFailures: 3 });
    platform.onHealthCheck = async () => ({ status: 'ok' });
    await stage.untilState('echo', 'ready');

    expect(stage.statesOf('echo').slice(-5)).toEqual(['ready', 'degraded', 'failed', 'recovering', 'ready']);
    const versions = stage.heard.map(({ version }) => version);
    expect(versions).toEqual([...versions].sort((a, b) => a - b));
  });

  it('is failed when its check hangs', async () => {
    const platform = await openEcho();
    await stage.untilState('echo', 'ready');
    platform.onHealthCheck = hang;

    expect((await stage.untilState('echo', 'failed')).reason).toMatch(/gave no answer within/);
  });

  it('needs attention when it says so', async () => {
    const platform = await openEcho();
    await stage.untilState('echo', 'ready');
    platform.onHealthCheck = async () => ({ status: 'needs-attention', reason: 'the token was revoked: set a new one' });

    expect((await stage.untilState('echo', 'needs-attention')).reason).toMatch(/the token was revoked: set a new one/);
  });

  it('is not taken for dead when all its hands are full', async () => {
    const platform = await openEcho();
    await stage.untilState('echo', 'ready');
    let release: () => void = () => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    platform.onRequest = () => released.then(() => ({ text: 'done' }));
    const ids = await Promise.all([1, 2, 3, 4, 5, 6].map(() => stage.router.send('echo')));
    await until(() => expect(platform.inFlight).toBe(2));

    await stage.untilChecked('echo', 5);

    expect(stage.statesOf('echo').at(-1)).toBe('ready');
    await until(async () => expect((await stage.health('echo'))!.instances[0]!.inFlight).toBe(2));
    release();
    for (const id of ids) await stage.router.settled(id);
  });

  it('does not hold up the verdicts on others when it is slow', async () => {
    stage = await Stage.open({ HEALTH_INTERVAL_MS: '2000', HEALTH_TIMEOUT_MS: '1600' });
    const [slow, quick] = [new ScriptedPlatform(), new ScriptedPlatform()];
    await stage.monitor();
    await stage.host(slow.definition('slow'), quick.definition('quick'));
    await Promise.all([stage.untilState('slow', 'ready'), stage.untilState('quick', 'ready')]);
    let askedAt = Infinity;
    slow.onHealthCheck = hang;
    quick.onHealthCheck = async () => {
      askedAt = Date.now();
      return { status: 'degraded', reason: 'so so' };
    };

    await stage.untilState('quick', 'degraded');
    expect(Date.now() - askedAt).toBeLessThan(800);
  });

  it('is disabled as soon as that is wanted, and ready when it is wanted again', async () => {
    await openEcho();
    await stage.untilState('echo', 'ready');

    await stage.router.directory.desire('echo', { enabled: false, reason: 'maintenance until noon' });
    expect((await stage.untilState('echo', 'disabled')).reason).toBe('maintenance until noon');
    await until(() => expect(stage.verdict('echo')!.instances).toMatchObject([{ verdict: 'idle' }]));
    await stage.router.directory.desire('echo', { enabled: true });

    await stage.untilState('echo', 'ready');
    expect(stage.statesOf('echo')).not.toContain('failed');
  });

  it('is ready as long as one of its instances works, and failed when the last has left', async () => {
    stage = await Stage.open();
    await stage.monitor();
    const leaveFirst = await stage.host(new ScriptedPlatform().definition('echo'));
    const leaveSecond = await stage.host(new ScriptedPlatform().definition('echo'));
    await until(() => expect(stage.verdict('echo')).toMatchObject({ state: 'ready', reason: 'all 2 instances are healthy' }));

    await leaveFirst();
    await until(() => expect(stage.verdict('echo')!.instances).toHaveLength(1));
    await stage.untilChecked('echo', 2);
    expect(stage.verdict('echo')!.state).toBe('ready');
    await leaveSecond();

    expect((await stage.untilState('echo', 'failed')).reason).toMatch(/no instance is running: start the app that hosts echo/);
    expect(stage.statesOf('echo').filter((state) => state === 'failed')).toHaveLength(1);
  });
});
