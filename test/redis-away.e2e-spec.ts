import { until } from '@conductor/testing';
import { APPS, type App, System } from './support/system';

/** A refusal later than this is a caller left hanging: commands are given up after 3 s. */
const PROMPT_MS = 4_500;

describe('while Redis is away', () => {
  let system: System;
  let pids: Record<string, number>;
  const pidsNow = () => Object.fromEntries(APPS.map((app) => [app, system.pid(app)]));
  const readiness = (app: App) => system.ask<{ details: Record<string, { status: string; message?: string }> }>(app, '/health/ready', { key: null });
  beforeAll(async () => {
    system = await System.start({ env: { JOB_LOCK_MS: '3000' } });
    pids = pidsNow();
  }, 120_000);
  afterAll(() => system.stop(), 30_000);

  /** Messages of every kind, sent before, that must have an answer after. */
  const accepted: string[] = [];
  const acceptSome = async (name: string) => {
    const ids = ['brain', 'twitch', 'youtube'].flatMap((target) => Array.from({ length: 10 }, (_, n) => ({ id: `${name}-${target}-${n}`, target })));
    const said = await Promise.all(ids.map(({ id, target }) => system.send({ id, target, content: 'keep me', waitFor: 'acceptance' })));
    expect(said.map(({ status }) => status)).toEqual(said.map(() => 202));
    accepted.push(...ids.map(({ id }) => id));
  };
  const everyoneIsAnswered = async () => {
    for (const id of accepted) {
      const record = await system.settled(id, 30_000);
      expect([id, record.state, record.trail.filter(({ step }) => step === 'answered').length]).toEqual([id, 'answered', 1]);
    }
  };
  const everyDoorIsReady = () =>
    until(async () => {
      const ready = await Promise.all(APPS.map(async (app) => [app, (await readiness(app)).status, (await system.ask(app, '/health/flow', { key: null })).status]));
      expect(ready).toEqual(APPS.map((app) => [app, 200, 200]));
    }, 30_000);

  it.each([
    ['hangs', () => {
      const wake = system.freeze('redis');
      return async () => wake();
    }],
    ['is killed', () => {
      // Five deaths of a program that is started anew each time would be too quick: its port is held shut by freezing the launcher.
      const launcher = system.command.process;
      launcher.kill('SIGSTOP');
      const killed = system.kill('redis');
      return async () => {
        launcher.kill('SIGCONT');
        await system.untilBack('redis', killed);
      };
    }],
  ])('as it %s, requests are refused at once with the time to come again; when it is back, everything goes on by itself', async (what, takeAway) => {
    const name = what.replaceAll(' ', '-');
    await acceptSome(name);
    const bringBack = takeAway();
    try {
      const refused = await Promise.all([
        system.send({ id: `${name}-refused`, content: 'now' }),
        system.send({ id: `${name}-refused-too`, content: 'later', waitFor: 'acceptance' }),
        system.ask('router', '/v1/requests/some-id'),
      ]);
      for (const { status, body, headers, ms } of refused) {
        expect([status, body.code]).toEqual([503, 'redis-unavailable']);
        expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
        expect(ms).toBeLessThan(PROMPT_MS);
      }
      for (const app of APPS) {
        const { status, body, ms } = await readiness(app);
        expect([app, status, body.details['redis']?.status]).toEqual([app, 503, 'down']);
        expect(ms).toBeLessThan(PROMPT_MS);
        expect((await system.ask(app, '/health/live', { key: null })).status).toBe(200);
      }
      expect((await system.ask('conductor', '/v1/status')).ms).toBeLessThan(PROMPT_MS);
    } finally {
      await bringBack();
    }
    await everyDoorIsReady();

    expect((await system.send({ id: `${name}-refused`, content: 'now' })).status).toBe(200);
    expect([200, 202]).toContain((await system.send({ id: `${name}-refused-too`, content: 'later', waitFor: 'acceptance' })).status);
    await everyoneIsAnswered();
    await system.untilWell();
    expect(pidsNow()).toEqual(pids);
  }, 90_000);
});
