import { existsSync, lstatSync, readdirSync, statSync, symlinkSync } from 'node:fs';
import { GenerationStore } from './generation-store';
import { ApprovalStage } from './testing/approval-stage';

let stage: ApprovalStage;
beforeEach(() => (stage = new ApprovalStage()));
afterEach(() => stage.close());

describe('stored generations', () => {
  it('are kept while they are used or wanted, and go after that', async () => {
    const { approvals, store } = await stage.setUp();
    const first = (await stage.approve(await stage.plugin('p'), approvals)).generation;
    const second = (await stage.approve(await stage.plugin('@acme/q'.replace('@acme/', ''), {}, {}, '2.0.0'), approvals)).generation;
    const release = store.acquire(first);
    const releaseToo = store.acquire(first);

    expect(await store.prune((folder) => folder === second.folder)).toEqual([]);
    release();
    release();
    expect(store.usesOf(first.folder)).toBe(1);
    releaseToo();
    expect(await store.prune((folder) => folder === second.folder)).toEqual([first.folder]);
    expect(await store.folders()).toEqual([second.folder]);
  });

  it('are not made twice, and an unfinished copy of an earlier process is cleared away', async () => {
    const { approvals, store } = await stage.setUp();
    const one = await stage.plugin('p', { 'bin/link.js': '' });
    symlinkSync('link.js', stage.tree.path('plugins/p-1.0.0/bin/second.js'));
    const { generation } = await stage.approve(one, approvals);
    const madeAt = statSync(generation.folder).ino;
    stage.tree.write('home/plugins/.incoming/dead/index.js', '');

    await GenerationStore.open(stage.tree.path('home/plugins'));
    expect((await store.put(one.folder, 'p', '1.0.0', generation.integrity)).folder).toBe(generation.folder);
    expect(statSync(generation.folder).ino).toBe(madeAt);
    expect(lstatSync(`${generation.folder}/bin/second.js`).isSymbolicLink()).toBe(true);
    expect(existsSync(stage.tree.path('home/plugins/.incoming'))).toBe(false);
  });

  it('leave alone what another host of the same home is copying, when one is opened beside it', async () => {
    const { store } = await stage.setUp();
    const one = await stage.plugin('p');

    const seen = await store.withCopy(one.folder, async (copy) => {
      await GenerationStore.open(stage.tree.path('home/plugins'));
      return existsSync(`${copy}/package.json`);
    });

    expect(seen).toBe(true);
    expect(readdirSync(stage.tree.path('home/plugins/.incoming'))).toEqual([]);
  });
});
