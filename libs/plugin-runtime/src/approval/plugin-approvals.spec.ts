import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { manifestOf, SHOUTING_ENTRY } from '../testing/plugin-tree';
import { scanPlugin } from './static-scan';
import { ApprovalStage } from './testing/approval-stage';

let stage: ApprovalStage;
beforeEach(() => (stage = new ApprovalStage()));
afterEach(() => stage.close());

describe('an approval', () => {
  it('is for exactly the files that were seen, and is kept across restarts', async () => {
    const { approvals, store } = await stage.setUp();
    const one = await stage.plugin('p', {}, { permissions: { net: ['api.example.org'], secrets: ['TOKEN', 'OTHER'] } });
    expect(await approvals.inspect(one)).toMatchObject({ approval: 'never', obstacles: [] });

    const { generation } = await stage.approve(one, approvals, ['TOKEN']);

    const again = await stage.setUp();
    expect(again.lock.approval('p', '1.0.0')).toMatchObject({ approvedBy: 'anna', secrets: ['TOKEN'], permissions: { net: ['api.example.org'] } });
    expect(await again.approvals.inspect(one)).toMatchObject({ approval: 'approved' });
    expect(await again.approvals.permit('p', '1.0.0')).toMatchObject({ generation });
    expect(generation.folder).toBe(store.folderOf('p', '1.0.0', generation.integrity));
    expect(readFileSync(`${generation.folder}/index.js`, 'utf8')).toBe(SHOUTING_ENTRY);
    expect(statSync(`${generation.folder}/index.js`).mode & 0o222).toBe(0);
    expect(JSON.parse(readFileSync(stage.tree.path('home/conductor.lock.json'), 'utf8'))).toMatchObject({ format: 1, plugins: { p: { approved: { '1.0.0': { integrity: generation.integrity } } } } });
  });

  it('is needed again when a file or a permission changes, with what changed', async () => {
    const { approvals } = await stage.setUp();
    await stage.approve(await stage.plugin('p', { 'old.js': '1', 'same.js': '2' }, { permissions: { net: ['a.example'], secrets: ['TOKEN'] } }), approvals);

    rmSync(stage.tree.path('plugins/p-1.0.0/old.js'));
    const one = await stage.plugin('p', { 'index.js': `${SHOUTING_ENTRY}//`, 'new.js': '3' }, { permissions: { net: ['b.example'], workers: true } });

    expect(await approvals.inspect(one)).toMatchObject({
      approval: 'changed',
      change: { since: '1.0.0', files: { added: ['new.js'], removed: ['old.js'], changed: ['index.js', 'package.json'] }, permissions: ['+ net: b.example', '- net: a.example', '- secrets: TOKEN', '+ workers'] },
    });
  });

  it('shows what a new version has that the newest approved one had not', async () => {
    const { approvals } = await stage.setUp();
    await stage.approve(await stage.plugin('p'), approvals);

    expect(await approvals.inspect(await stage.plugin('p', { 'index.js': '1' }, { permissions: { net: ['a.example'] } }, '1.1.0'))).toMatchObject({ approval: 'never', change: { since: '1.0.0', permissions: ['+ net: a.example'] } });
  });

  it('is refused when the files changed after they were seen', async () => {
    const { approvals, lock } = await stage.setUp();
    const one = await stage.plugin('p');
    const { integrity } = await approvals.inspect(one);
    stage.tree.write('plugins/p-1.0.0/index.js', 'evil()');

    await expect(approvals.approve(one, { integrity, by: 'anna', secrets: [] })).rejects.toMatchObject({ code: 'changed' });
    expect(lock.approval('p', '1.0.0')).toBeUndefined();
  });

  it('runs from the copy, whatever becomes of the folder it came from', async () => {
    const { approvals } = await stage.setUp();
    await stage.approve(await stage.plugin('p'), approvals);
    rmSync(stage.tree.path('plugins'), { recursive: true });

    const permit = await approvals.permit('p', '1.0.0');
    expect(readFileSync(`${permit!.generation.folder}/index.js`, 'utf8')).toBe(SHOUTING_ENTRY);
  });

  it('is void when the copy itself was changed, or something was put beside it', async () => {
    const { approvals } = await stage.setUp();
    const { generation } = await stage.approve(await stage.plugin('p'), approvals);
    chmodSync(generation.folder, 0o755);

    writeFileSync(`${generation.folder}/conductor.sig`, 'code');
    await expect(approvals.permit('p', '1.0.0')).rejects.toMatchObject({ code: 'generation-changed' });
    rmSync(`${generation.folder}/conductor.sig`);
    chmodSync(`${generation.folder}/index.js`, 0o644);
    writeFileSync(`${generation.folder}/index.js`, 'evil()');
    await expect(approvals.permit('p', '1.0.0')).rejects.toMatchObject({ code: 'generation-changed' });
  });

  it('needs a person who saw what is critical, and cannot be had for code that contradicts its manifest', async () => {
    const { approvals } = await stage.setUp({ scan: scanPlugin });
    const critical = await stage.plugin('critical', { 'index.js': 'process.binding("fs")' });
    const { integrity } = await approvals.inspect(critical);

    await expect(approvals.approve(critical, { integrity, by: 'anna', secrets: [] })).rejects.toMatchObject({ code: 'findings', message: expect.stringContaining('index.js reaches into Node itself') });
    await expect(approvals.approve(critical, { integrity, by: 'anna', secrets: [], acceptFindings: true })).resolves.toBeDefined();
    const contradicting = await stage.plugin('contradicting', { 'index.js': 'require("child_process")' });
    const seen = await approvals.inspect(contradicting);
    expect(seen.obstacles).toEqual([expect.stringContaining('permissions.childProcess')]);
    await expect(approvals.approve(contradicting, { integrity: seen.integrity, by: 'anna', secrets: [], acceptFindings: true })).rejects.toMatchObject({ code: 'not-approvable' });
  });

  it('is for the permissions that are in the hashed manifest, not for those that discovery once read', async () => {
    const { approvals, lock } = await stage.setUp();
    const stale = await stage.plugin('p');
    await stage.plugin('p', {}, { permissions: { net: ['evil.example'] } });

    const seen = await approvals.inspect(stale);
    expect(seen.permissions.net).toEqual(['evil.example']);
    await approvals.approve(stale, { integrity: seen.integrity, by: 'anna', secrets: [] });
    expect(lock.approval('p', '1.0.0')?.permissions.net).toEqual(['evil.example']);
    stage.tree.write('plugins/p-1.0.0/package.json', manifestOf('somebody-else'));
    await expect(approvals.inspect(stale)).rejects.toMatchObject({ code: 'changed' });
  });

  it('leaves no copy behind when it is refused', async () => {
    const { approvals, store } = await stage.setUp({ strict: true });
    const one = await stage.plugin('p');
    const { integrity } = await approvals.inspect(one);

    await expect(approvals.approve(one, { integrity, by: 'anna', secrets: [] })).rejects.toMatchObject({ code: 'not-approvable' });
    expect(await store.folders()).toEqual([]);
  });

  it('is refused for a configuration that can never be checked', async () => {
    const { approvals } = await stage.setUp();

    expect((await approvals.inspect(await stage.plugin('p', {}, { config: { $ref: '#/definitions/missing' } }))).obstacles).toEqual([expect.stringContaining('conductor.config cannot be used')]);
  });

  it('grants no secret that was not asked for', async () => {
    const { approvals } = await stage.setUp();

    await expect(stage.approve(await stage.plugin('p', {}, { permissions: { secrets: ['TOKEN'] } }), approvals, ['DATABASE_URL'])).rejects.toMatchObject({ code: 'secret-not-asked-for' });
  });

  it('can be taken back', async () => {
    const { approvals } = await stage.setUp();
    await stage.approve(await stage.plugin('p'), approvals);

    expect(await approvals.revoke('p', '1.0.0')).toBe(true);
    expect(await approvals.permit('p', '1.0.0')).toBeUndefined();
    expect(await approvals.revoke('p', '1.0.0')).toBe(false);
  });
});
