import type { ProcessState } from '@conductor/contracts';
import pino from 'pino';
import { eventually } from './fixtures/eventually';
import { fixtureApp, type FixtureName } from './fixtures/fixture-apps';
import { NodeApp } from './node-app';
import { isAlive } from './process-facts';
import { Supervised } from './supervised';
import { type Timings, TIMINGS } from './timings';

describe('a supervised app', () => {
  const started: Supervised[] = [];
  const supervise = (name: FixtureName, timings: Partial<Timings> = {}) => {
    const history: ProcessState[] = [];
    const lines: string[] = [];
    const all = { ...TIMINGS, backoffMs: 20, maxBackoffMs: 200, stopGraceMs: 2_000, ...timings };
    const app = new Supervised(new NodeApp(fixtureApp(name), { PATH: process.env['PATH'] }, 10), all, pino({ enabled: false }), {
      changed: (state) => history.push(state),
      line: (_app, { text }) => lines.push(text),
    });
    started.push(app);
    app.start();
    return { app, history, lines, ready: (restarts = 0) => eventually(() => expect(app.state).toMatchObject({ state: 'ready', restarts })) };
  };
  afterEach(() => Promise.all(started.splice(0).map((app) => app.stop(0))));

  it('is ready when its door says so, and tells where the door is', async () => {
    const { app, ready } = supervise('good-app');
    await ready();

    expect(await fetch(`${app.state.url}/health/ready`)).toMatchObject({ status: 200 });
  });

  it('that cannot work before somebody mends something is not waited for, says why, and is ready when it is mended', async () => {
    const { app, history, ready } = supervise('needy-app');
    await eventually(() => expect(app.state).toMatchObject({ state: 'not-ready', reason: 'brain is needs-attention: set a key' }));
    await fetch(`${app.state.url}/mend`, { method: 'POST' });
    await ready();

    expect(history.map(({ state }) => state)).toEqual(['starting', 'not-ready', 'ready']);
  });

  it('is started again when it was killed', async () => {
    const { app, history, ready } = supervise('good-app');
    await ready();
    const first = app.state.pid!;
    process.kill(first, 'SIGKILL');
    await ready(1);

    expect(app.state.pid).not.toBe(first);
    expect(history.map(({ state }) => state)).toEqual(['starting', 'ready', 'backing-off', 'starting', 'ready']);
    expect(history[2]!.reason).toMatch(/was ended by SIGKILL; starting again in/);
  });

  it('waits longer after each death', async () => {
    const { history } = supervise('mortal-app', { backoffMs: 100, maxBackoffMs: 350, quarantineDeaths: 5 });
    await eventually(() => expect(history.at(-1)!.state).toBe('quarantined'));

    const pauses = history.flatMap((state, index) => (state.state === 'backing-off' ? [history[index + 1]!.at - state.at] : []));
    expect(pauses).toHaveLength(4);
    [100, 200, 350, 350].forEach((least, index) => expect(pauses[index]).toBeGreaterThanOrEqual(least - 2));
  });

  it('is left alone after the fifth death within the window, with the reason and its last words', async () => {
    const { app, history } = supervise('mortal-app');
    await eventually(() => expect(app.state.state).toBe('quarantined'));

    expect(history.filter(({ state }) => state === 'starting')).toHaveLength(5);
    expect(app.state.reason).toMatch(/died 5 times within 60.0 s \(last: ended with code 3\)[^]*the flux capacitor is missing/);
  });

  it('comes out of quarantine when a person asks for it', async () => {
    const { app, history } = supervise('mortal-app');
    await eventually(() => expect(app.state.state).toBe('quarantined'));
    await app.restart();

    expect(history.at(-1)).toMatchObject({ state: 'starting', reason: 'started because a person asked for it' });
  });

  it('is started anew at once when a person asks for it while it runs', async () => {
    const { app, history, ready } = supervise('good-app');
    await ready();
    await app.restart();
    await ready(1);

    expect(history.map(({ state }) => state)).not.toContain('backing-off');
  });

  it('may end with code 0 as often as it likes, once it was ready', async () => {
    const { app, ready } = supervise('good-app', { quarantineDeaths: 2 });
    for (const restarts of [0, 1, 2]) {
      await ready(restarts);
      process.kill(app.state.pid!, 'SIGTERM');
    }
    await ready(3);
  });

  it('comes back at once, and suspended, when it left to give its memory back; a shell that wakes is ready at its new door', async () => {
    const { app, history, ready } = supervise('leaving-app', { backoffMs: 60_000, maxBackoffMs: 60_000, quarantineDeaths: 1 });
    await ready();
    const full = app.state;
    process.kill(full.pid!, 'SIGUSR2');
    await eventually(() => expect(app.state).toMatchObject({ state: 'suspended', reason: 'RAM is short', restarts: 0, url: expect.stringContaining('http') as unknown }));
    const shell = app.state;
    expect(shell.pid).not.toBe(full.pid);

    process.kill(shell.pid!, 'SIGUSR2');
    await ready();

    expect(app.state.pid).toBe(shell.pid);
    expect(history.map(({ state }) => state)).toEqual(['starting', 'ready', 'suspended', 'suspended', 'suspended', 'starting', 'ready']);
    expect(await fetch(`${app.state.url}/health/ready`)).toMatchObject({ status: 200 });
  });

  it.each<[string, FixtureName]>([
    ['ends by itself when it was asked to finish its work', 'leaving-app'],
    ['is stopped when it does not finish in time', 'stubborn-app'],
  ])('%s, and stays away', async (_, name) => {
    const { app, history, ready } = supervise(name, { stopGraceMs: 100 });
    await ready();
    await app.retire('fewer are wanted', name === 'leaving-app' ? 60_000 : 100);

    expect(app.state).toMatchObject({ state: 'stopped', reason: 'fewer are wanted', pid: undefined });
    expect(history.slice(-2).map(({ state }) => state)).toEqual(['draining', 'stopped']);
  });

  it('does not notice the end of another', async () => {
    const one = supervise('good-app');
    const other = supervise('other-app');
    await Promise.all([one.ready(), other.ready()]);
    const { pid } = other.app.state;
    process.kill(one.app.state.pid!, 'SIGKILL');
    await one.ready(1);

    expect(other.app.state).toMatchObject({ state: 'ready', pid, restarts: 0 });
  });

  it('is killed with everything it started when it does not stop in time', async () => {
    const { app, lines, ready } = supervise('stubborn-app');
    await ready();
    const child = await eventually(() => expect(lines[0]).toMatch(/^child \d+$/)).then(() => Number(lines[0]!.slice(6)));
    const pid = app.state.pid!;
    await app.stop(100);

    expect(app.state.state).toBe('stopped');
    expect(isAlive(pid)).toBe(false);
    await eventually(() => expect(isAlive(child)).toBe(false));
  });

  it('is killed and started again when it says that it leaves and hangs instead', async () => {
    const { app, ready } = supervise('stubborn-app', { stopGraceMs: 200 });
    await ready();
    const pid = app.state.pid!;
    process.kill(pid, 'SIGUSR2');
    await ready(1);

    expect(isAlive(pid)).toBe(false);
  });

  describe('that does nothing any more', () => {
    it('is killed and started again, and it is said why', async () => {
      const { app, history, ready } = supervise('good-app', { silenceMs: 1_000 });
      await ready();
      const { pid } = app.state;
      process.kill(pid!, 'SIGSTOP');
      await ready(1);

      expect(isAlive(pid!)).toBe(false);
      expect(history.map(({ state }) => state)).toEqual(['starting', 'ready', 'backing-off', 'starting', 'ready']);
      expect(history[2]!.reason).toMatch(/^did nothing any more, did not answer for 1.0 s, and was killed; starting again in/);
    });

    it('is let be while it starts, which may take long', async () => {
      const { history, ready } = supervise('slow-app', { silenceMs: 300 });
      await ready();

      expect(history.map(({ state }) => state)).toEqual(['starting', 'ready']);
    });

    it('is let be for as long as the launcher did nothing either, as when the machine slept', async () => {
      const { app, history, ready } = supervise('good-app', { silenceMs: 1_000 });
      await ready();
      const { pid } = app.state;
      process.kill(pid!, 'SIGSTOP');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_000);
      process.kill(pid!, 'SIGCONT');
      // The next silence is a real one; an earlier end would stand before it.
      await eventually(async () => expect((await fetch(`${app.state.url}/health/ready`)).status).toBe(200));
      expect(app.state).toMatchObject({ pid, restarts: 0 });
      process.kill(pid!, 'SIGSTOP');
      await ready(1);

      expect(history.filter(({ state }) => state === 'backing-off')).toHaveLength(1);
    });
  });

  it('is not started again after it was stopped while waiting for its next start', async () => {
    const { app } = supervise('mortal-app', { backoffMs: 100 });
    await eventually(() => expect(app.state.state).toBe('backing-off'));
    await app.stop();

    expect(app.state).toMatchObject({ state: 'stopped', pid: undefined });
  });
});
