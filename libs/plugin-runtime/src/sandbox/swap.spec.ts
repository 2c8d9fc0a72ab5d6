import { readdirSync } from 'node:fs';
import { until } from '@conductor/testing';
import type { Generation } from './generation';
import type { SandboxedPlatform } from './sandboxed-platform';
import { ask, requestOf, SandboxStage } from './testing/sandbox-stage';

let stage: SandboxStage;
beforeAll(async () => (stage = await SandboxStage.open()));
afterAll(() => stage.close());

const openFiles = () => readdirSync('/proc/self/fd').length;
const VERSIONED = (version: string) => `async handleRequest({ content }) { await new Promise((resolve) => setTimeout(resolve, 5)); return { version: '${version}', text: content }; }`;

/** Of a test that failed, nobody stops the load, and what is refused at once would be asked for ever. */
let asking = true;
beforeEach(() => (asking = true));
afterEach(() => (asking = false));

/** Asks without a pause until told to stop. */
const load = (platform: SandboxedPlatform) => {
  let going = true;
  const answers: any[] = [];
  const asker = async () => {
    while (going && asking) {
      answers.push(await ask(platform, `m${answers.length}`, 10_000));
      await new Promise(setImmediate);
    }
  };
  const askers = Promise.all(Array.from({ length: 4 }, asker));
  return { answers, stop: async () => ((going = false), await askers, answers) };
};

it('two generations stand side by side, and messages move from one to the other between two of them: none is lost or failed', async () => {
  const specs = [await stage.plugin(VERSIONED('1'), { platform: 'swapped' }), await stage.plugin(VERSIONED('2'), { platform: 'swapped', version: '2.0.0' })] as const;
  const platform = await stage.start(specs[0]);
  await ask(platform);
  const before = openFiles();
  const traffic = load(platform);

  for (let swap = 1; swap <= 6; swap++) {
    const asked = traffic.answers.length;
    const next = await platform.openGeneration({ ...specs[swap % 2]!, id: `swapped-${swap}` });
    await next.load();
    expect(await next.check(AbortSignal.timeout(2_000))).toMatchObject({ status: 'ok' });
    expect(await platform.canary(next, requestOf('canary'), AbortSignal.timeout(2_000))).toMatchObject({ text: 'canary' });
    const old = platform.switchTo(next)!;
    expect(await old.drain(5_000)).toBe(0);
    expect(await platform.close(old)).toMatchObject({ processes: [expect.any(Number)], leftovers: [] });
    await until(() => expect(traffic.answers.length).toBeGreaterThan(asked + 8));
  }

  const answers = await traffic.stop();
  expect(answers.filter(({ version }) => version === undefined)).toEqual([]);
  expect(new Set(answers.map(({ version }) => version))).toEqual(new Set(['1', '2']));
  expect(platform.figures().generations).toHaveLength(1);
  await until(() => expect(openFiles()).toBeLessThanOrEqual(before));
});

it('a new generation that does not come up leaves the old one serving', async () => {
  const platform = await stage.start(await stage.plugin(VERSIONED('1'), { platform: 'kept' }));
  await ask(platform);
  const broken = await platform.openGeneration(await stage.plugin(`async initialize() { throw new Error('not today'); }`, { platform: 'kept', version: '2.0.0' }));

  await expect(broken.load()).rejects.toThrow('not today');
  expect(await broken.check(AbortSignal.timeout(500))).toMatchObject({ status: 'failed', reason: 'not today' });
  expect(await platform.close(broken)).toMatchObject({ leftovers: [] });
  expect(await ask(platform)).toMatchObject({ version: '1' });
});

it('what is still in hand when the time to drain is over is counted, and the rest of it ends with its process', async () => {
  const platform = await stage.start(await stage.plugin(`handleRequest() { return new Promise(() => {}); }`, { platform: 'stuck' }));
  await platform.generation!.load();
  const stuck = ask(platform, 'hello', 20_000);
  await until(() => expect(platform.generation!.inFlight).toBe(1));
  const old = platform.switchTo(await platform.openGeneration(await stage.plugin(VERSIONED('2'), { platform: 'stuck', version: '2.0.0' }))) as Generation;

  expect(await old.drain(50)).toBe(1);
  expect(await old.close()).toMatchObject({ leftovers: [] });
  expect(await stuck).toMatchObject({ result: 'unknown', code: 'outcome-unknown' });
  expect(await ask(platform)).toMatchObject({ version: '2' });
});

describe('a platform that bears one session only', () => {
  /** Its storage plays the far side, which shows when two sessions were open at once. */
  const EXCLUSIVE = (version: string, more = '') => `
    async initialize(config, context) { this.context = context; ${more} if ((await context.storage.increment('sessions')) > 1) await context.storage.set('two', true); }
    async handleRequest({ content }) { await new Promise((resolve) => setTimeout(resolve, 5)); return { version: '${version}', text: content }; }
    async shutdown() { await this.context.storage.increment('sessions', -1); }`;

  it('is handed over: the old session ends before the new one begins, and messages wait meanwhile', async () => {
    const settings = { exclusive: true };
    const specs = [await stage.plugin(EXCLUSIVE('1'), { platform: 'alone', settings }), await stage.plugin(EXCLUSIVE('2'), { platform: 'alone', version: '2.0.0', settings })] as const;
    const platform = await stage.start(specs[0]);
    await ask(platform);
    const traffic = load(platform);

    for (const [at, spec] of [specs[1], specs[0], specs[1]].entries()) {
      const asked = traffic.answers.length;
      expect(await platform.handOver({ ...spec, id: `alone-${at}` }, 5_000)).toMatchObject({ unfinished: 0, proof: { leftovers: [] } });
      await until(() => expect(traffic.answers.length).toBeGreaterThan(asked + 8));
    }

    expect((await traffic.stop()).filter(({ version }) => version === undefined)).toEqual([]);
    expect(await ask(platform)).toMatchObject({ version: '2' });
    expect(stage.storage.get('alone/two')).toBeUndefined();
    expect(stage.storage.get('alone/sessions')).toBe(1);
  });

  it('gets its old session back when the new one does not begin', async () => {
    const settings = { exclusive: true };
    const platform = await stage.start(await stage.plugin(EXCLUSIVE('1'), { platform: 'back', settings }));
    await ask(platform);
    const next = await stage.plugin(EXCLUSIVE('2', `throw SetupFailure.needsAttention('new token needed');`), { platform: 'back', version: '2.0.0', settings });

    const waiting = platform.handOver(next, 5_000).catch((error: unknown) => error);
    const answer = ask(platform, 'meanwhile', 10_000);

    expect(await waiting).toMatchObject({ name: 'SetupFailure', retryable: false, message: 'new token needed' });
    expect(await answer).toMatchObject({ version: '1', text: 'meanwhile' });
  });
});
