import { until } from '@conductor/testing';
import { Stage } from './fixtures/stage';

let stage: Stage;
afterEach(() => stage?.close());

describe('a platform whose process', () => {
  it('was killed is failed soon, and says since when it is silent', async () => {
    stage = await Stage.open({ HEALTH_INTERVAL_MS: '1000' });
    await stage.monitor();
    const child = await stage.child('platforms', 'echo');
    await stage.untilState('echo', 'ready');
    const killedAt = Date.now();
    await child.kill();

    const failed = await stage.untilState('echo', 'failed');
    expect(failed.reason).toMatch(/its only instance is silent since \d\d:\d\d:\d\d UTC; the process may be dead or hung; look at its log, or restart it/);
    expect(failed.instances).toMatchObject([{ verdict: 'silent', pid: child.pid }]);
    expect(failed.at - killedAt).toBeLessThan(stage.config.health.presenceTtlMs + 500);
  });

  it('was killed is failed at once where a launcher saw it die', async () => {
    stage = await Stage.open({ PRESENCE_TTL_MS: '60000' });
    await stage.monitor();
    const child = await stage.child('platforms', 'echo', 'other');
    await Promise.all([stage.untilState('echo', 'ready'), stage.untilState('other', 'ready')]);
    await child.kill();
    const tell = (state: 'backing-off' | 'ready', pid?: number) =>
      stage.router.context.notices.publish({ type: 'process', process: { app: 'stubs', state, restarts: 1, reason: 'was ended by SIGKILL; starting again in 0.5 s', at: Date.now(), ...(pid && { pid }) } });

    const toldAt = Date.now();
    await tell('backing-off');
    const [echo, other] = await Promise.all([stage.untilState('echo', 'failed', 1_000), stage.untilState('other', 'failed', 1_000)]);
    expect(echo.reason).toMatch(/its process was ended by SIGKILL; starting again in 0.5 s/);
    expect(Math.max(echo.at, other.at) - toldAt).toBeLessThan(300);

    const successor = await stage.child('platforms', 'echo', 'other');
    await tell('ready', successor.pid);
    await stage.untilState('echo', 'ready');
    // The dead one is forgotten.
    await until(() => expect(stage.verdict('echo')!.instances).toMatchObject([{ pid: successor.pid }]));
  });

  it('hangs is failed, and comes back by way of recovering', async () => {
    stage = await Stage.open();
    await stage.monitor();
    const child = await stage.child('platforms', 'echo');
    await stage.untilState('echo', 'ready');

    child.send('SIGSTOP');
    // Its checks may fail before its presence is old; then it is failed first.
    await until(async () => expect((await stage.untilState('echo', 'failed')).instances).toMatchObject([{ verdict: 'silent' }]));
    child.send('SIGCONT');

    await stage.untilState('echo', 'ready');
    expect(stage.statesOf('echo').slice(-3)).toEqual(['failed', 'recovering', 'ready']);
  });
});
