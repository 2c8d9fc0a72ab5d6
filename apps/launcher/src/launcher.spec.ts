import { createServer } from 'node:net';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ControlNotice } from '@conductor/contracts';
import { Redis } from 'ioredis';
import { eventually } from './fixtures/eventually';
import { buildOnce, Launched } from './fixtures/launched';
import { isAlive } from './process-facts';

describe('the launcher', () => {
  const launched: Launched[] = [];
  const clients: Redis[] = [];
  const launch = (...args: ConstructorParameters<typeof Launched>) => {
    const one = new Launched(...args);
    launched.push(one);
    return one;
  };
  const redisOf = (launcher: Launched) => {
    const client = new Redis(launcher.run()!.redisUrl);
    client.on('error', () => undefined);
    clients.push(client);
    return client;
  };
  beforeAll(buildOnce, 120_000);
  afterEach(async () => {
    for (const client of clients.splice(0)) client.disconnect();
    await Promise.all(launched.splice(0).map((one) => one.remove()));
  });

  it('starts Redis and every app, and shows them in one table', async () => {
    const launcher = await launch({ apps: ['good-app', 'other-app'] }).ready();

    for (const app of ['redis', 'good-app', 'other-app']) {
      expect(launcher.output).toMatch(new RegExp(`^  ${app} +\\S+ +ready +${launcher.pidOf(app)} +\\d+ MB`, 'm'));
    }
    expect(await fetch(`${launcher.run()!.apps['good-app']!.url}/health/ready`)).toMatchObject({ status: 200 });
    expect(statSync(join(launcher.home, 'run.json')).mode & 0o077).toBe(0);
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('stops everything on %s, Redis last, and leaves no process', async (signal) => {
    const launcher = await launch({ apps: ['good-app', 'other-app'] }).ready();
    launcher.run();
    launcher.process.kill(signal);

    expect(await launcher.exit).toBe(0);
    expect(launcher.output).toMatch(/good-app stopped[^]*redis stopped[^]*Stopped\.\n$/);
    expect(launcher.orphans()).toEqual([]);
    expect(existsSync(join(launcher.home, 'run.json'))).toBe(false);
  });

  it('can be told to stop before it is ready', async () => {
    const launcher = launch({ apps: ['good-app'] });
    await eventually(() => expect(launcher.output).toContain('Starting'));
    launcher.run();
    launcher.process.kill('SIGINT');

    expect(await launcher.exit).toBe(0);
    expect(launcher.orphans()).toEqual([]);
  });

  it('does not wait for a stubborn app when Ctrl-C is pressed again', async () => {
    const launcher = await launch({ apps: ['stubborn-app', 'good-app'], timings: { stopGraceMs: 60_000 } }).ready();
    launcher.run();
    const pressed = Date.now();
    await eventually(() => {
      launcher.process.kill('SIGINT');
      expect(launcher.process.exitCode).toBe(0);
    });

    expect(Date.now() - pressed).toBeLessThan(8_000);
    expect(launcher.orphans()).toEqual([]);
  });

  it('leaves no orphan when it is killed, and what Redis had accepted is there in the next start', async () => {
    const launcher = await launch({ apps: ['good-app', 'other-app'] }).ready();
    await redisOf(launcher).set('message', 'accepted');
    launcher.process.kill('SIGKILL');
    await eventually(() => expect(launcher.orphans()).toEqual([]));

    const next = await launch({ apps: ['good-app', 'other-app'], home: launcher.home }).ready();
    expect(await redisOf(next).get('message')).toBe('accepted');
  });

  it('clears away an app of a killed run that hangs, before it starts it again', async () => {
    const launcher = await launch({ apps: ['stubborn-app'] }).ready();
    const old = launcher.pidOf('stubborn-app');
    launcher.process.kill('SIGKILL');
    await launcher.exit;
    const next = await launch({ apps: ['stubborn-app'], home: launcher.home, timings: { stopGraceMs: 100 } }).ready();

    expect(next.output).toContain('waiting for stubborn-app to finish');
    expect(isAlive(old)).toBe(false);
    expect(next.stateOf('stubborn-app')).toBe('ready');
  });

  it('stops when whoever started it is gone', async () => {
    const launcher = await launch({ apps: ['good-app'] }).ready();
    launcher.run();
    launcher.process.disconnect();

    expect(await launcher.exit).toBe(0);
    expect(launcher.orphans()).toEqual([]);
  });

  it('refuses a home where another one runs, and leaves that one alone', async () => {
    const first = await launch({ apps: ['good-app'] }).ready();
    const second = launch({ apps: ['other-app'], home: first.home });

    expect(await second.exit).toBe(1);
    expect(second.output).toContain(`already runs on ${first.home} (process ${first.process.pid})`);
    expect(first.stateOf('good-app')).toBe('ready');
  });

  it('names the port that is taken and starts nothing', async () => {
    const server = createServer();
    const port = await new Promise<number>((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)));
    const launcher = launch({ apps: ['good-app', ['other-app', port]] });
    const code = await launcher.exit;
    server.close();

    expect(code).toBe(1);
    expect(launcher.output).toContain(`port ${port} for other-app: taken by another program. Set OTHER_APP_PORT`);
    expect(launcher.run()).toBeUndefined();
  });

  it('names three ways out when there is no Redis', async () => {
    const empty = mkdtempSync(join(tmpdir(), 'no-redis-'));
    mkdirSync(join(empty, 'bin'));
    const launcher = launch({ apps: ['good-app'], env: { PATH: join(empty, 'bin') }, runtimeDir: empty });
    const code = await launcher.exit;
    rmSync(empty, { recursive: true });

    expect(code).toBe(1);
    expect(launcher.output).toMatch(/Three ways out:[^]*install[^]*REDIS_URL[^]*docker compose/);
  });

  it('names a wrong setting before it does anything', async () => {
    const launcher = launch({ apps: ['good-app'], env: { ROUTER_PORT: 'http' } });

    expect(await launcher.exit).toBe(78);
    expect(launcher.output).toContain('ROUTER_PORT');
  });

  it('says so when its home cannot be made', async () => {
    const launcher = launch({ apps: ['good-app'], env: { CONDUCTOR_HOME: '/dev/null/home' } });

    expect(await launcher.exit).toBe(1);
    expect(launcher.output).toMatch(/The home \/dev\/null\/home cannot be used: [^]*Set CONDUCTOR_HOME/);
  });

  it('uses the Redis it is given and starts none', async () => {
    const first = await launch({ apps: [] }).ready();
    const second = await launch({ apps: ['good-app'], env: { REDIS_URL: first.run()!.redisUrl } }).ready();

    expect(Object.keys(second.run()!.apps)).toEqual(['good-app']);
    expect(second.output).not.toContain(new URL(first.run()!.redisUrl).password);
  });

  it('starts a killed app and a killed Redis again, and the others do not notice', async () => {
    const launcher = await launch({ apps: ['good-app', 'other-app'] }).ready();
    const before = { redis: launcher.pidOf('redis'), good: launcher.pidOf('good-app'), other: launcher.pidOf('other-app') };
    process.kill(before.redis, 'SIGKILL');
    process.kill(before.good, 'SIGKILL');

    await eventually(() => {
      expect(launcher.stateOf('redis')).toBe('ready');
      expect(launcher.stateOf('good-app')).toBe('ready');
      expect(launcher.pidOf('redis')).not.toBe(before.redis);
      expect(launcher.pidOf('good-app')).not.toBe(before.good);
    });
    expect(launcher.pidOf('other-app')).toBe(before.other);
  });

  it('starts a Redis again that does nothing any more', async () => {
    const launcher = await launch({ apps: ['good-app'], timings: { silenceMs: 1_000 } }).ready();
    const before = launcher.pidOf('redis');
    process.kill(before, 'SIGSTOP');

    await eventually(() => expect(launcher.pidOf('redis')).not.toBe(before));
    await eventually(() => expect(launcher.stateOf('redis')).toBe('ready'));
  });

  it('goes on without an app that cannot live, says why, and starts it again when asked through Redis', async () => {
    const launcher = await launch({ apps: ['good-app', 'mortal-app'] }).ready();
    expect(launcher.output).toMatch(/runs, but not all of it[^]*mortal-app is quarantined: died 5 times[^]*the flux capacitor is missing/);
    const redis = redisOf(launcher);
    const processes = async () => Object.entries(await redis.hgetall('conductor:processes')).map(([app, text]) => [app, (JSON.parse(text) as { state: string }).state]);
    await eventually(async () => expect(Object.fromEntries(await processes())).toEqual({ redis: 'ready', 'good-app': 'ready', 'mortal-app': 'quarantined' }));

    const heard: ControlNotice[] = [];
    const listener = redis.duplicate();
    clients.push(listener);
    listener.on('message', (_channel, text) => heard.push(ControlNotice.parse(JSON.parse(text))));
    await listener.subscribe('conductor:notices');
    await redis.publish('conductor:notices', JSON.stringify({ type: 'process-start', app: 'mortal-app' }));

    await eventually(() => expect(heard).toContainEqual(expect.objectContaining({ type: 'process', process: expect.objectContaining({ app: 'mortal-app', state: 'starting' }) as unknown })));
    await eventually(() => expect(launcher.stateOf('mortal-app')).toBe('quarantined'));
  });
});
