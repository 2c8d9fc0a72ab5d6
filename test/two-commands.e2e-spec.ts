import { createServer } from 'node:net';
import { rmSync } from 'node:fs';
import { until } from '@conductor/testing';
import { ChatEndpointDouble, completion } from '../apps/brain/src/testing/chat-endpoint-double';
import { Command, freshHome } from './support/command';
import { processesOf } from './support/processes';
import { System } from './support/system';

describe('the two commands', () => {
  const homes: string[] = [];
  const homeOf = () => {
    const home = freshHome();
    homes.push(home);
    return home;
  };
  afterAll(() => {
    for (const home of homes) rmSync(home, { recursive: true, force: true });
  });

  /** Runs a command that must end by itself. */
  const ending = async (home: string, env: Record<string, string> = {}) => {
    const command = Command.run('start', home, env);
    return { code: await command.exit, output: command.output };
  };

  describe('a second start', () => {
    let first: { key: string; twitch: object; rules: unknown };
    let system: System;

    beforeAll(async () => {
      const home = homeOf();
      system = await System.start({ home, command: 'start' });
      await system.put('conductor', '/v1/routes/mining', { match: { content: '^/mine' }, target: 'minecraft' });
      await system.post('conductor', '/v1/platforms/twitch/pin');
      await system.send({ id: 'kept-1', content: 'Remember me' });
      first = { key: system.key, twitch: await system.platform('twitch'), rules: (await system.get('conductor', '/v1/routes'))['rules'] };
      await system.end();
      system = await System.start({ home, command: 'start' });
    }, 120_000);
    afterAll(() => system.stop(), 30_000);

    it('finds everything as it was: key, routes, wishes, messages, audit', async () => {
      expect(system.key).toBe(first.key);
      expect(system.command.output).not.toContain(first.key);
      expect((await system.get('conductor', '/v1/routes'))['rules']).toEqual(first.rules);
      expect(await system.platform('twitch')).toMatchObject({ pinned: true, enabled: true });
      expect(await system.record('kept-1')).toMatchObject({ state: 'answered', answer: { echo: true } });
      expect(await system.get('conductor', '/v1/audit?action=routes.put')).toMatchObject({ items: [{ subject: 'mining' }] });
      expect(await system.get('conductor', '/v1/audit/verify')).toMatchObject({ ok: true });
    });

    it('installs and builds nothing again', () => {
      expect(system.command.output).not.toMatch(/Building|Installing/);
    });

    it('is refused while the first one runs, and leaves that one alone', async () => {
      const { code, output } = await ending(system.home);

      expect(code).toBe(1);
      expect(output).toMatch(/already runs on .*\(process \d+\)[^]*CONDUCTOR_HOME/);
      expect((await system.send({ content: 'Still there?' })).status).toBe(200);
    }, 30_000);
  });

  it('answers from the first moment of a second start: the end of the first one is no failure', async () => {
    const home = homeOf();
    await (await System.start({ home })).end();
    const command = Command.run('launcher', home);
    const system = System.of(home, command);
    try {
      await command.says(/The Conductor is ready/);
      const said = await Promise.all(['brain', 'twitch', 'android'].map((target) => system.send({ target, user: 'ada', content: 'Good morning' })));
      expect(said.map(({ status, body }) => [status, body.detail])).toEqual(said.map(() => [200, undefined]));
    } finally {
      await system.stop();
    }
  }, 120_000);

  it('Ctrl-C lets what is in hand be finished, stops everything in order, and leaves no process', async () => {
    const endpoint = await ChatEndpointDouble.start();
    endpoint.onChat = () => completion('I took my time', 1_500);
    const system = await System.start({ command: 'start', env: { BRAIN_URL: endpoint.url } });
    try {
      const answer = system.send({ content: 'Take your time' });
      await until(() => expect(endpoint.underWay).toBe(1));
      const stopping = system.stop('SIGINT');

      expect(await answer).toMatchObject({ status: 200, body: { platform: 'brain', answer: { text: 'I took my time' } } });
      await stopping;
      expect(system.command.output).toMatch(/brain stopped[^]*router stopped[^]*conductor stopped[^]*redis stopped[^]*Stopped\./);
    } finally {
      await system.remove();
      await endpoint.down();
    }
  }, 120_000);

  it.each(['SIGTERM', 'SIGKILL'] as const)('ends everything when `npm start` itself gets %s', async (signal) => {
    const system = await System.start({ command: 'start' });
    try {
      const before = system.processes().length;
      system.command.process.kill(signal);
      const code = await system.command.exit;
      await until(() => expect(system.processes()).toEqual([]), 20_000);

      expect(before).toBeGreaterThanOrEqual(8);
      expect(code).toBe(signal === 'SIGKILL' ? 'SIGKILL' : 0);
    } finally {
      await system.remove();
    }
  }, 120_000);

  it('names the port that is taken, who wants it, and the setting that changes it', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const home = homeOf();
    const { code, output } = await ending(home, { ROUTER_PORT: String(port) });
    server.close();

    expect(code).toBe(1);
    expect(output).toContain(`port ${port} for router: taken by another program. Set ROUTER_PORT`);
    expect(processesOf(home, [])).toEqual([]);
  }, 30_000);

  it.each([
    ['a wrong value', { HEALTH_INTERVAL_MS: 'often' }, /HEALTH_INTERVAL_MS/],
    ['a mistyped name', { ROUTER_PROT: '3001' }, /ROUTER_PROT: not a setting of the Conductor/],
  ])('names %s among the settings and ends with 78 (EX_CONFIG), before it starts anything', async (_what, env, named) => {
    const home = homeOf();
    const { code, output } = await ending(home, env);

    expect(output).toMatch(named);
    expect(output).not.toContain('Starting');
    expect(code).toBe(78);
    expect(processesOf(home, [])).toEqual([]);
  }, 30_000);
});
