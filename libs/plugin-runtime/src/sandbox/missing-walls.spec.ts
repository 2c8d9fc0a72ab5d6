import { join } from 'node:path';
import { ask, SandboxStage } from './testing/sandbox-stage';
import { SandboxWalls } from './walls/walls';

let stage: SandboxStage;
beforeAll(async () => (stage = await SandboxStage.open()));
afterAll(() => stage.close());

describe('where walls are missing', () => {
  it('runs nothing in strict mode, and says which', async () => {
    const { means, walls } = stage.sandbox.walls;
    const weaker = Object.assign(Object.create(SandboxWalls.prototype) as SandboxWalls, { means, walls: walls.map((wall) => (wall.name === 'network' ? { ...wall, up: false, reason: 'no namespaces here' } : { ...wall, up: true })) });
    const strict = await SandboxStage.open({ strict: true }, weaker);
    const failure = await strict.start(await strict.plugin('')).catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: 'SetupFailure', retryable: false, message: 'strict mode runs no plugin here, since walls are missing: network (no namespaces here)' });
    await strict.close();
  });

  it('works with nothing but the walls of Node itself', async () => {
    const { node } = stage.sandbox.means;
    const bare = Object.assign(Object.create(SandboxWalls.prototype) as SandboxWalls, { means: { tools: {}, namespaces: 'none', enclosed: false, ownUser: false, node, libraries: [] }, walls: [] });
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
