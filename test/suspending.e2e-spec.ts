import type { PlatformView, ProcessState, SystemStatus } from '@conductor/contracts';
import { PlatformDirectory, Presences } from '@conductor/control';
import type { AppContext } from '@conductor/http';
import { openTestContext, testConfig, until } from '@conductor/testing';
import { isAlive, rssMbOf } from '../apps/launcher/src/process-facts';
import { EventStream } from './support/event-stream';
import { System } from './support/system';

const STUBS = ['minecraft', 'twitch', 'tiktok', 'youtube'];

describe('suspending and multiplying platforms', () => {
  let system: System;
  let context: AppContext;
  let directory: PlatformDirectory;
  let presences: Presences;
  beforeAll(async () => {
    system = await System.start();
    // The scaler looks on; this test stands in its place. The wish is all that it gives.
    const { status } = await system.ask('conductor', '/v1/scaling/policy', { method: 'PATCH', body: { mode: 'watch' } });
    expect(status).toBe(200);
    context = await openTestContext('conductor', testConfig({ REDIS_URL: system.run.redisUrl, CONDUCTOR_NAMESPACE: 'conductor' }));
    directory = new PlatformDirectory(context.connections, context.notices, context.logger);
    await directory.open();
    presences = new Presences(context.connections);
  }, 120_000);
  afterAll(async () => {
    directory.close();
    await context.resources.drain();
    await system.stop();
  }, 60_000);

  /** Also on a machine that has much else to do. */
  const soon = <T>(assertion: () => T | Promise<T>) => until(assertion, 30_000);
  const suspend = (platforms: string[], reason = 'RAM at 86 %') => Promise.all(platforms.map((platform) => directory.desire(platform, { suspended: { reason, since: Date.now() } })));
  const resume = (platforms: string[]) => Promise.all(platforms.map((platform) => directory.desire(platform, { suspended: null })));
  const scale = (platform: string, body: object) => system.post<PlatformView>('conductor', `/v1/platforms/${platform}/scale`, body);
  const processes = async () => (await system.get<{ items: ProcessState[] }>('conductor', '/v1/processes')).items;
  const processOf = async (app: string) => (await processes()).find((process) => process.app === app);
  const presencesOf = async (platform: string) => (await presences.all()).filter((presence) => presence.platform === platform);

  /** The process of the stubs, from the test before. */
  let shell: number;
  let waiting: string;
  let events: EventStream;

  it('a process of which nothing is wanted ends, and comes back at once as a shell that takes much less memory; nothing of it looks like a failure', async () => {
    const before = (await processOf('stubs'))!;
    const fullMb = rssMbOf(before.pid!)!;
    events = await EventStream.open(system, 'process,verdict');
    await suspend(STUBS);

    const suspended = await soon(async () => {
      const now = await processOf('stubs');
      expect(now).toMatchObject({ state: 'suspended', reason: expect.stringContaining('RAM at 86 %') as unknown, url: expect.stringContaining('http') as unknown });
      return now!;
    });
    shell = suspended.pid!;
    expect(shell).not.toBe(before.pid);
    expect(isAlive(before.pid!)).toBe(false);
    expect(suspended.restarts).toBe(before.restarts);
    expect(system.run.apps['stubs']!.state).toBe('suspended');

    const here = await soon(async () => {
      const all = await presencesOf('twitch');
      expect(all).toEqual([expect.objectContaining({ pid: shell, lifecycle: 'suspended', reason: 'RAM at 86 %', inFlight: 0 })]);
      return all[0]!;
    });
    expect(here.rssMb).toBeLessThan(fullMb * 0.75);
    expect(here.settledAt).toBeLessThanOrEqual(here.at);

    const status = await soon(async () => {
      const now = await system.get<SystemStatus>('conductor', '/v1/status');
      expect(now.status).toBe('ok');
      return now;
    });
    for (const platform of STUBS) expect(status.platforms).toContainEqual({ name: platform, state: 'suspended', reason: 'RAM at 86 %' });
  }, 120_000);

  it('the shell answers for health, and says at its door why nothing is there', async () => {
    expect((await system.ask('stubs', '/health/live')).status).toBe(200);
    expect(await system.ask('stubs', '/health/ready')).toMatchObject({ status: 200, body: { status: 'ok', info: { platforms: { reason: 'minecraft, twitch, tiktok, youtube: suspended (RAM at 86 %)' } } } });
    expect((await system.ask('stubs', '/metrics')).body).toMatch(/^process_resident_memory_bytes\{app="stubs"\} \d+$/m);
    expect(await system.ask('stubs', '/v1/anything')).toMatchObject({ status: 503, body: { code: 'platform-unavailable' } });
    // Health checks go on, and its instances are idle, not silent.
    await soon(async () => expect((await system.platform('twitch')).instances).toEqual([expect.objectContaining({ verdict: 'idle', pid: shell })]));
  }, 120_000);

  it('a message to it waits in its queue, or falls back as its route says', async () => {
    const said = await system.send<{ id: string }>({ target: 'twitch', content: 'any time', waitFor: 'acceptance' });
    expect(said.status).toBe(202);
    waiting = said.body.id;
    expect(['queued', 'waiting']).toContain((await system.record(waiting)).state);

    const made = await system.put('conductor', '/v1/routes/gaming', { match: { kind: ['gaming'] }, target: 'minecraft', fallbacks: ['brain'] });
    expect(made.status).toBe(200);
    await soon(async () => expect(await system.send({ kind: 'gaming', content: 'now' })).toMatchObject({ status: 200, body: { platform: 'brain' } }));
  }, 120_000);

  it('one platform that is wanted again brings the process back whole, in place, with the others off in it; and what waited is carried out', async () => {
    await resume(['twitch']);

    expect(await system.settled(waiting, 30_000)).toMatchObject({ state: 'answered', platform: 'twitch' });
    await system.untilPlatform('twitch', 'ready');
    await soon(async () => expect(await processOf('stubs')).toMatchObject({ state: 'ready', pid: shell }));
    await soon(async () => expect(await presencesOf('minecraft')).toEqual([expect.objectContaining({ lifecycle: 'suspended', pid: shell })]));

    await resume(STUBS);
    for (const platform of STUBS) await system.untilPlatform(platform, 'ready');
    expect((await processOf('stubs'))!.pid).toBe(shell);

    events.close();
    const told = events.events.map(({ data }) => ((data['process'] ?? data['platform'] ?? data) as { state: string }).state);
    expect(told).toEqual(expect.arrayContaining(['suspended', 'ready']));
    expect(told.filter((state) => ['failed', 'needs-attention', 'backing-off', 'quarantined', 'stopped'].includes(state))).toEqual([]);
  }, 120_000);

  it('a shell that is killed comes back as a shell, and ends no more by itself', async () => {
    await suspend(STUBS, 'still too little');
    const first = await soon(async () => {
      const now = await processOf('stubs');
      expect(now).toMatchObject({ state: 'suspended', url: expect.anything() as unknown });
      return now!;
    });
    process.kill(first.pid!, 'SIGKILL');
    const second = await soon(async () => {
      const now = await processOf('stubs');
      expect(now).toMatchObject({ state: 'suspended', url: expect.anything() as unknown });
      expect(now!.pid).not.toBe(first.pid);
      return now!;
    });
    // Nor does it load anything when it cannot tell what is wanted; then another wish is heard, and nothing but the reason changes.
    await system.untilBack('redis', system.kill('redis'));
    await soon(() => suspend(STUBS, 'a little longer'));
    await soon(async () => expect(await presencesOf('twitch')).toEqual([expect.objectContaining({ pid: second.pid, reason: 'a little longer' })]));
    await soon(async () => expect(await processOf('stubs')).toMatchObject({ state: 'suspended', pid: second.pid }));

    await resume(STUBS);
    for (const platform of STUBS) await system.untilPlatform(platform, 'ready');
  }, 120_000);

  it('more processes of a platform share its queue, and the idlest ends when fewer are wanted, when its work is done', async () => {
    const { status, body } = await scale('twitch', { instances: 3 });
    expect([status, body.wished]).toEqual([200, { instances: 3 }]);
    await soon(async () => {
      const stubs = (await processes()).filter(({ app }) => app.startsWith('stubs'));
      expect(stubs.map(({ app, state }) => [app, state])).toEqual([['stubs', 'ready'], ['stubs#2', 'ready'], ['stubs#3', 'ready']]);
    });
    await soon(async () => expect(await system.platform('twitch')).toMatchObject({ state: 'ready', reason: 'all 3 instances are healthy' }));

    const by = new Set<unknown>();
    await soon(async () => {
      const sent = await Promise.all(Array.from({ length: 60 }, (_, n) => system.send({ target: 'twitch', content: `message ${n}` })));
      expect(sent.every((said) => said.status === 200)).toBe(true);
      for (const said of sent) by.add(said.body['instance']);
      expect(by.size).toBe(3);
    });

    const further = [(await processOf('stubs#2'))!.pid!, (await processOf('stubs#3'))!.pid!];
    const patient = await Promise.all(Array.from({ length: 60 }, (_, n) => system.send<{ id: string }>({ target: 'twitch', content: `later ${n}`, waitFor: 'acceptance' })));
    await scale('twitch', { instances: 1 });
    await soon(async () => expect((await processes()).filter(({ app }) => app.startsWith('stubs')).map(({ app }) => app)).toEqual(['stubs']));
    expect(further.some(isAlive)).toBe(false);
    for (const { body: { id } } of patient) expect(await system.settled(id)).toMatchObject({ state: 'answered' });
    await soon(async () => expect(await system.platform('twitch')).toMatchObject({ state: 'ready', reason: 'its instance is healthy' }));
  }, 120_000);

  it('refuses more processes of a platform that has one door only, and says why', async () => {
    expect(await scale('android', { instances: 2 })).toMatchObject({ status: 409, body: { code: 'conflict', detail: expect.stringMatching(/android runs in at most one process: .*port/) as unknown } });
    expect(await scale('android', { instances: 1 })).toMatchObject({ status: 200 });
  });

  it('lets fewer messages in at once when that is wanted, without a restart', async () => {
    expect((await scale('brain', { concurrency: 2 })).status).toBe(200);
    const [limited] = await soon(async () => {
      const all = await presencesOf('brain');
      expect(all).toEqual([expect.objectContaining({ limit: 2 })]);
      return all;
    });
    expect(limited!.pid).toBe((await processOf('brain'))!.pid);
    const { body } = await system.ask('brain', '/metrics');
    expect(body).toMatch(/^platform_concurrency_limit\{platform="brain".*\} 2$/m);

    expect(await scale('brain', { concurrency: 900 })).toMatchObject({ status: 400, body: { errors: [{ field: 'concurrency' }] } });
    expect((await scale('brain', { concurrency: null })).body.wished).toEqual({ instances: 1 });
  });
});
