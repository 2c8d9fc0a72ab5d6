import { RedisProxy, ScriptedPlatform, until } from '@conductor/testing';
import { Stage } from './fixtures/stage';

let stage: Stage;
afterEach(() => stage?.close());

const acting = async (url: string) => /^health_monitor_acting\S* 1$/m.test(await (await fetch(`${url}/metrics`)).text());
const ready = async (url: string) => (await fetch(`${url}/health/ready`)).status;

describe('several monitors', () => {
  it('act one at a time, and another takes over when the acting one is killed', async () => {
    // In no hurry: what counts is how many periods it takes, on a busy machine too.
    stage = await Stage.open({ HEALTH_INTERVAL_MS: '1000', HEALTH_TIMEOUT_MS: '800', PRESENCE_TTL_MS: '3200' });
    const platform = new ScriptedPlatform();
    const first = await stage.child('monitor');
    await stage.host(platform.definition('echo'));
    await stage.untilState('echo', 'ready');
    const second = await stage.monitor();
    await stage.untilChecked('echo', 3);
    expect(await ready(second.url)).toBe(200);
    const { version } = stage.verdict('echo')!;
    const changes = stage.heard.length;

    await first.kill();
    const killedAt = Date.now();
    await stage.untilChecked('echo', 2); // the first of these may be of the dead
    expect(Date.now() - killedAt).toBeLessThan(4.5 * stage.config.health.intervalMs);
    // A change of monitors is no change of verdicts.
    expect(new Set(stage.heard.slice(changes).map(({ state }) => state))).toEqual(new Set(['ready']));

    platform.onHealthCheck = async () => ({ status: 'degraded', reason: 'tired' });
    expect((await stage.untilState('echo', 'degraded')).version).toBeGreaterThan(version);
    expect(await ready(second.url)).toBe(200);
  });

  it('make one check of each instance a period, which leaves one row', async () => {
    stage = await Stage.open();
    const monitors = [await stage.monitor(), await stage.monitor(), await stage.monitor()];
    await stage.host(new ScriptedPlatform().definition('echo'));
    await stage.untilState('echo', 'ready');
    await stage.untilChecked('echo', 6);
    await until(async () => expect((await stage.get('/v1/health/echo/history?resolution=raw')).body.points.length).toBeGreaterThanOrEqual(5));

    const { body } = await stage.get('/v1/health/echo/history?resolution=raw');
    const times: number[] = body.points.map(({ timestamp }: { timestamp: number }) => timestamp);
    expect(new Set(times).size).toBe(times.length);
    expect(times.every((at) => at % stage.config.health.intervalMs === 0)).toBe(true);
    const howManyAct = async () => (await Promise.all(monitors.map(({ url }) => acting(url)))).filter(Boolean).length;
    expect(await howManyAct()).toBeLessThanOrEqual(1);
    // None does for a moment when the one that did was held up.
    await until(async () => expect(await howManyAct()).toBe(1));
  });

  it('hand over at once when the acting one stops in good order', async () => {
    // The lease of one that is killed holds for 3 s then.
    stage = await Stage.open({ HEALTH_INTERVAL_MS: '12000' });
    const first = await stage.monitor();
    await until(async () => expect(await acting(first.url)).toBe(true));
    const second = await stage.monitor();

    await first.stop();
    await until(async () => expect(await acting(second.url)).toBe(true), 2_500);
  });
});

describe('while Redis is away', () => {
  it('no platform is blamed, the monitor is not ready, and afterwards checks go on', async () => {
    const proxy = await new RedisProxy().open();
    stage = await Stage.open({ REDIS_URL: proxy.url, PRESENCE_TTL_MS: '4000' });
    stage.standsOn(() => proxy.cut());
    const monitor = await stage.monitor();
    const platform = new ScriptedPlatform();
    await stage.host(platform.definition('echo'));
    await stage.untilState('echo', 'ready');
    await stage.untilChecked('echo', 1);
    const changes = stage.heard.length;

    await proxy.cut();
    await until(async () => expect(await ready(monitor.url)).toBe(503));
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await proxy.open();
    await until(async () => expect(await ready(monitor.url)).toBe(200));
    await stage.untilChecked('echo', 3);

    expect(new Set(stage.heard.slice(changes).map(({ state }) => state))).not.toContain('failed');
    expect(stage.verdict('echo')!.state).toBe('ready');
    platform.onHealthCheck = async () => ({ status: 'failed', reason: 'gone' });
    await stage.untilState('echo', 'failed');
  });
});
