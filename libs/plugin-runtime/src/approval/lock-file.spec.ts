import { readdirSync } from 'node:fs';
import { ApprovalStage } from './testing/approval-stage';

let stage: ApprovalStage;
beforeEach(() => (stage = new ApprovalStage()));
afterEach(() => stage.close());

describe('the lock file', () => {
  it('is written whole or not at all, by several changes at once, and leaves nothing beside it', async () => {
    const { approvals, lock } = await stage.setUp();
    const plugins = await Promise.all(['a', 'b', 'c'].map((name) => stage.plugin(name)));

    await Promise.all(plugins.map((one) => stage.approve(one, approvals)));
    await lock.use('a', '1.0.0');

    expect(readdirSync(stage.tree.path('home'))).toEqual(['conductor.lock.json', 'plugins']);
    const again = (await stage.setUp()).lock;
    expect(['a', 'b', 'c'].map((name) => again.approval(name, '1.0.0') !== undefined)).toEqual([true, true, true]);
    expect(again.versions).toEqual(new Map([['a', '1.0.0']]));
    await again.use('a', undefined);
    expect(again.versions.size).toBe(0);
  });

  it.each(['{', '[]', '{"format":2,"plugins":{}}', '{"format":1,"plugins":{},"more":1}', '{"format":1,"plugins":{"p":{"approved":{"1.0.0":{}}}}}'])('that is damaged stops plugins rather than losing approvals: %s', async (text) => {
    stage.tree.write('home/conductor.lock.json', text);

    await expect(stage.setUp()).rejects.toThrow(/is damaged, so it is not known which plugins were approved/);
  });
});
