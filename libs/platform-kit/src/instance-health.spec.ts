import { hang, until, type ScriptedPlatform } from '@conductor/testing';
import { closeStages, open, slow } from './testing/one-platform';

afterEach(closeStages);

describe('a health check', () => {
  it.each<[string, ScriptedPlatform['onHealthCheck'], object]>([
    ['works', async () => ({ status: 'ok', details: { latencyMs: 3 } }), { status: 'ok', details: { latencyMs: 3 } }],
    ['is degraded', async () => ({ status: 'degraded', reason: 'slow' }), { status: 'degraded', reason: 'slow' }],
    ['needs a person', async () => ({ status: 'needs-attention', reason: 'log in' }), { status: 'needs-attention', reason: 'log in' }],
    ['throws', async () => { throw new Error('no socket'); }, { status: 'failed', reason: 'no socket' }],
    ['throws before its first await', () => { throw new Error('at once'); }, { status: 'failed', reason: 'at once' }],
    ['answers nonsense', async () => 'fine' as never, { status: 'failed', reason: expect.stringContaining('no health') }],
    ['hangs', () => hang(), { status: 'failed', reason: expect.stringMatching(/no answer within \d+ ms/) }],
  ])('tells of a platform that %s, in time and beside the work', async (_, onHealthCheck, health) => {
    const { platform, router, instance } = await open({ onRequest: slow(400) }, { how: { concurrency: 1 } });
    await router.untilState('p', 'ready');
    const id = await router.send('p');
    await until(() => expect(platform.inFlight).toBe(1));
    platform.onHealthCheck = onHealthCheck;

    // A time that is no whole number of milliseconds for the platform.
    const [report] = await router.check({ timeoutMs: 333 });

    expect(report).toMatchObject({ platform: 'p', instance: instance.id, pid: process.pid, health, inFlight: 1 });
    expect(await router.settled(id)).toMatchObject({ state: 'answered' });
  });

  it('marks a platform degraded, and ready again when it is mended', async () => {
    const { platform, router } = await open();
    await router.untilState('p', 'ready');
    platform.onHealthCheck = async () => ({ status: 'degraded', reason: 'slow gateway' });
    await router.check();
    expect(await router.untilState('p', 'degraded')).toMatchObject({ reason: 'slow gateway' });
    expect(await router.ask('p')).toMatchObject({ state: 'answered' });

    platform.onHealthCheck = async () => ({ status: 'ok' });
    await router.check();
    await router.untilState('p', 'ready');
  });

  it('is survived when it is nonsense', async () => {
    const { router, stage } = await open();
    await router.untilState('p', 'ready');
    for (const nonsense of ['{', '{}', 'null']) await stage.context.connections.commands.publish(`${stage.config.namespace}:checks`, nonsense);

    expect((await router.check())[0]).toMatchObject({ lifecycle: 'ready' });
  });
});
