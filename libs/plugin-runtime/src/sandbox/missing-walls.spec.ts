import { join } from 'node:path';
import { ISOLATION_LAYERS } from '@conductor/config';
import { ask, SandboxStage } from './testing/sandbox-stage';
import { SandboxWalls, type WallName } from './walls/walls';

let stage: SandboxStage;
/** This machine, as if all its walls stood but these. */
const without = (...missing: WallName[]) => {
  const { means, walls } = stage.sandbox.walls;
  return Object.assign(Object.create(SandboxWalls.prototype) as SandboxWalls, { means, walls: walls.map((wall) => (missing.includes(wall.name) ? { ...wall, up: false, reason: 'no namespaces here' } : { ...wall, up: true })) });
};

beforeAll(async () => (stage = await SandboxStage.open()));
afterAll(() => stage.close());

describe('where walls are missing', () => {
  it('runs nothing in strict mode, and says which', async () => {
    const strict = await SandboxStage.open({ strict: true }, without('network'));
    const failure = await strict.start(await strict.plugin('')).catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: 'SetupFailure', retryable: false, message: 'strict mode runs no plugin here, since walls are missing: network (no namespaces here)' });
    await strict.close();
  });

  it.each(ISOLATION_LAYERS)('runs nothing without one for its %s unless that was allowed, and says why and what to do', async (layer) => {
    const others = ISOLATION_LAYERS.filter((other) => other !== layer);
    const closed = await SandboxStage.open({ allowMissing: others }, without(layer));
    const failure = await closed.start(await closed.plugin('')).catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: 'SetupFailure', retryable: false, message: expect.stringMatching(new RegExp(`does not isolate its ${layer}: ${layer} \\(no namespaces here\\)\\. What to do: .{20,} PLUGIN_ALLOW_MISSING_ISOLATION=\\S*${layer}`)) });
    await closed.close();

    const open = await SandboxStage.open({ allowMissing: [layer] }, without(layer));
    expect(await ask(await open.start(await open.plugin('')))).toEqual({ text: 'done: hello' });
    expect(open.sandbox.waived).toEqual([layer]);
    await open.close();
  });

  it.each(['permissions', 'environment'] as const)('runs nothing where that of Node itself for %s does not hold, whatever was allowed', async (wall) => {
    const closed = await SandboxStage.open({ allowMissing: ISOLATION_LAYERS }, without(wall));
    await expect(closed.start(await closed.plugin(''))).rejects.toMatchObject({ message: expect.stringContaining(`nothing can stand in for: ${wall}`) });
    await closed.close();
  });

  it('runs without those that make less of a difference', async () => {
    const open = await SandboxStage.open({ allowMissing: [] }, without('limits', 'memory', 'memory-watch'));
    expect(await ask(await open.start(await open.plugin('')))).toEqual({ text: 'done: hello' });
    await open.close();
  });

  it('works with nothing but the walls of Node itself', async () => {
    const { node } = stage.sandbox.means;
    const bare = Object.assign(Object.create(SandboxWalls.prototype) as SandboxWalls, { means: { tools: {}, namespaces: 'none', enclosed: false, ownUser: false, node, libraries: [] }, walls: without(...ISOLATION_LAYERS).walls });
    const weak = await SandboxStage.open({ folder: join(stage.folder, 'weak') }, bare);
    const platform = await weak.start(
      await weak.plugin(`async handleRequest({ content }) {
        if (content === 'hang') for (;;);
        if (content === 'eat') { const all = []; for (;;) { all.push(Buffer.alloc(4_000_000, 1)); await new Promise((r) => setTimeout(r, 5)); } }
        if (content === 'read') require('node:fs').readFileSync('/etc/hostname');
        if (content === 'connect') await fetch('http://127.0.0.1:1');
        return { text: content, env: process.env };
      }`, { settings: { memoryMb: 128, requestTimeoutMs: 300 } }),
    );

    expect(await ask(platform, 'hi')).toEqual({ text: 'hi', env: {} });
    expect(await ask(platform, 'read')).toMatchObject({ result: 'retry', message: expect.stringContaining('restricted') });
    expect(await ask(platform, 'connect')).toMatchObject({ result: 'retry', message: expect.stringContaining('fetch failed') });
    expect(await ask(platform, 'hang', 300)).toMatchObject({ result: 'unknown', message: expect.stringContaining('after twice') });
    if (process.platform === 'linux') expect(await ask(platform, 'eat', 20_000)).toMatchObject({ result: 'unknown', message: expect.stringMatching(/it held \d+ MB, more than the 128 MB/) });
    expect(await platform.generation!.close()).toMatchObject({ leftovers: [] });
    await weak.close();
  });
});
