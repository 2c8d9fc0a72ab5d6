import type { PluginEvent, PluginResources } from '@conductor/contracts';
import { until } from '@conductor/testing';
import { DroppedPlugins } from './support/dropped-plugins';
import { freshHome } from './support/command';
import { SteadyTraffic } from './support/steady-traffic';
import { System } from './support/system';

const SECOND = 'plugin-host#2';

/** Fails in all processes but those of the host that swaps first, once it serves: which that is, its storage tells. */
const failingElsewhere = (version: string, how: string) => `
  async initialize(config, context) {
    this.context = context;
    const before = await context.storage.get('first-${version}');
    if (before === undefined) await context.storage.set('first-${version}', context.instance);
    this.isFirst = (before ?? context.instance) === context.instance;
    ${how === 'start' ? `if (!this.isFirst) throw new Error('this machine is not for me');` : ''}
  }
  async handleRequest({ kind }) {
    ${how === 'messages' ? `if (!this.isFirst && kind !== 'canary') throw DeliveryFailure.never({ code: 'broken', message: 'not on this machine', class: 'error' });` : ''}
    return { version: '${version}' };
  }`;

describe('two plugin-hosts, each a process', () => {
  let system: System;
  let plugins: DroppedPlugins;
  beforeAll(async () => {
    const home = freshHome();
    plugins = new DroppedPlugins(home, () => system);
    plugins.echo('1.0.0');
    plugins.echo('1.1.0');
    system = await System.start({ home });
    await plugins.approve('echo', '1.0.0');
    await plugins.approve('echo', '1.1.0');
    await plugins.load('echo', '1.0.0');
    // The launcher starts another one for it.
    await system.post('conductor', '/v1/platforms/echo/scale', { instances: 2 });
    await until(() => expect(system.run.apps[SECOND]?.state).toBe('ready'), 60_000);
    await untilBothServe('echo', '1.0.0');
  }, 180_000);
  afterAll(() => system.stop(), 30_000);

  /** The version that serves on each host. */
  const serving = async (name: string): Promise<string[]> => {
    const { hosts } = await system.get<{ hosts: Array<PluginResources & { host: string }> }>('conductor', `/v1/plugins/${name}/resources`);
    return hosts.map(({ generations }) => generations.filter((one) => one.serving).map(({ version }) => version).join());
  };
  const untilBothServe = (name: string, version: string) => until(async () => expect(await serving(name)).toEqual([version, version]), 60_000);
  const history = async (name: string) => (await system.get<{ items: PluginEvent[] }>('conductor', `/v1/plugins/${name}/history`)).items;
  const install = async (name: string, hooks: string) => {
    plugins.write({ name, version: '1.0.0' });
    plugins.write({ name, version: '1.1.0', hooks });
    await plugins.approve(name, '1.0.0');
    await plugins.approve(name, '1.1.0');
    await plugins.load(name, '1.0.0');
    await untilBothServe(name, '1.0.0');
  };

  it('go to another version one after the other under steady traffic, and no message is lost or fails', async () => {
    const traffic = new SteadyTraffic(system, 'echo', 50);
    for (const version of ['1.1.0', '1.0.0', '1.1.0']) {
      await plugins.swap('echo', version);
      await untilBothServe('echo', version);
      const { sent } = traffic;
      await until(() => expect(traffic.sent).toBeGreaterThan(sent + 20));
    }
    const outcomes = await traffic.end();
    expect(outcomes.filter(({ status }) => status !== 200)).toEqual([]);
    expect(outcomes.filter(({ answer }) => answer?.times !== 1)).toEqual([]);
    expect(new Set(outcomes.map(({ answer }) => answer?.version))).toEqual(new Set(['1.0.0', '1.1.0']));
    expect([...(await traffic.takenUp())].filter(([, times]) => times !== 1)).toEqual([]);
    const swaps = (await history('echo')).filter(({ event, version }) => event === 'swapped' && version === '1.0.0');
    expect(new Set(swaps.map(({ host }) => host)).size).toBe(2);
  }, 180_000);

  it('both go back when the second cannot start the new version', async () => {
    await install('picky', failingElsewhere('1.1.0', 'start'));
    await plugins.swap('picky', '1.1.0');

    await until(async () => {
      const back = (await history('picky')).find(({ event }) => event === 'rolled-back');
      expect(back).toMatchObject({ version: '1.0.0', from: '1.1.0', step: 'start', by: 'system', reason: expect.stringContaining('this machine is not for me') });
    }, 60_000);
    await untilBothServe('picky', '1.0.0');
    expect(await plugins.untilState('picky', 'running')).toMatchObject({ version: '1.0.0', wanted: '1.0.0', previous: '1.1.0' });
    expect((await system.send({ target: 'picky', content: 'still there?' })).body).toMatchObject({ answer: { version: '1.0.0' } });
  }, 180_000);

  it('both go back when the new version fails messages on the second only', async () => {
    await install('moody', failingElsewhere('1.1.0', 'messages'));
    await plugins.swap('moody', '1.1.0');

    await until(async () => {
      await system.send({ target: 'moody', content: 'well?' });
      expect((await history('moody')).find(({ event }) => event === 'rolled-back')).toMatchObject({ version: '1.0.0', from: '1.1.0', by: 'system', reason: expect.stringMatching(/messages failed on moody/) });
    }, 90_000);
    await untilBothServe('moody', '1.0.0');
    await plugins.untilState('moody', 'running');
    for (let n = 0; n < 10; n++) expect((await system.send({ target: 'moody', content: 'and now?' })).body).toMatchObject({ answer: { version: '1.0.0' } });
  }, 180_000);

  it('take over a configuration, both of them', async () => {
    plugins.write({
      name: 'tuned', version: '1.0.0', hooks: 'async handleRequest() { return { greeting: this.config.greeting, by: this.context.instance }; }',
      conductor: { config: { type: 'object', additionalProperties: false, properties: { greeting: { type: 'string', default: 'hello' } } } },
    });
    await plugins.approve('tuned', '1.0.0');
    await plugins.load('tuned', '1.0.0');
    await untilBothServe('tuned', '1.0.0');
    expect((await system.put('conductor', '/v1/plugins/tuned/config', { greeting: 'good day' })).status).toBe(200);
    const greetings = async () => {
      const said = await Promise.all(Array.from({ length: 16 }, () => system.send<{ answer?: { greeting: string; by: string } }>({ target: 'tuned', content: 'x' })));
      return said.map(({ body }) => body.answer);
    };
    const untilAllSay = (greeting: string) =>
      until(async () => {
        const answers = await greetings();
        expect(new Set(answers.map((answer) => answer?.greeting))).toEqual(new Set([greeting]));
        expect(new Set(answers.map((answer) => answer?.by)).size).toBe(2);
      }, 60_000);
    await untilAllSay('good day');
  }, 180_000);
});
