import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HostStage, WALLS_MAY_BE_MISSING } from '../testing/host-stage';

let stage: HostStage;
beforeAll(async () => {
  stage = await HostStage.open({ ...WALLS_MAY_BE_MISSING });
  await stage.host();
}, 60_000);
afterAll(() => stage.close());

/** Keeps what it is told, and tells what was kept before. */
const KEEPER = `async handleRequest({ content }) {
  const before = (await this.context.storage.get('note')) ?? null;
  await this.context.storage.set('note', content);
  return { before, list: (await this.context.storage.after('notes', 0)).map(({ value }) => value) };
}`;

describe('the storage of a plugin', () => {
  it('is nothing to another plugin that takes over the name of its platform', async () => {
    await stage.install('first', '1.0.0', { hooks: KEEPER, conductor: { platforms: ['shared'] } });
    await stage.answer('shared', 'of the first');
    expect(await stage.answer('shared', 'again')).toMatchObject({ before: 'of the first' });
    await stage.ask({ do: 'remove', name: 'first', by: 'Ada' });

    await stage.install('second', '1.0.0', { hooks: KEEPER, conductor: { platforms: ['shared'] } });

    expect(await stage.answer('shared', 'of the second')).toMatchObject({ before: null });
  }, 60_000);

  it('of a version before it belonged to plugins comes along with the one that was approved then, and with no other', async () => {
    const { commands } = stage.router.context.connections;
    const old = (platform: string, key: string) => `${stage.config.namespace}:storage:{${platform}}:${key}`;
    for (const name of ['veteran', 'newcomer']) await stage.install(name, '1.0.0', { hooks: KEEPER });
    for (const host of stage.hosts.splice(0)) await host.stop();
    // As it was before: no platforms in the approval, and the storage under the name of the platform.
    const file = join(stage.config.home, 'plugins', 'conductor.lock.json');
    const lock = JSON.parse(readFileSync(file, 'utf8')) as { plugins: Record<string, { approved: Record<string, { platforms?: string[] }> }> };
    delete lock.plugins['veteran']!.approved['1.0.0']!.platforms;
    writeFileSync(file, JSON.stringify(lock));
    for (const name of ['veteran', 'newcomer']) {
      await commands.set(old(name, 'note'), JSON.stringify('of before'));
      await commands.zadd(old(name, 'notes'), 1, '{"position":1,"value":"in a list"}');
      await commands.set(old(name, 'notes#position'), 1);
    }

    await stage.host();
    await stage.untilState('veteran', 'running');
    await stage.untilState('newcomer', 'running');

    expect(await stage.answer('veteran', 'now')).toEqual({ before: 'of before', list: ['in a list'] });
    expect(await commands.exists(old('veteran', 'note'), old('veteran', 'notes'))).toBe(0);
    expect(await stage.answer('newcomer', 'now')).toEqual({ before: null, list: [] });
  }, 60_000);
});
