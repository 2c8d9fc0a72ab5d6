import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, existsSync, linkSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import type { ValidPlugin } from '@conductor/contracts';
import { PluginCatalogue } from '../discovery/plugin-catalogue';
import { manifestOf, PluginTree, SHOUTING_ENTRY } from '../testing/plugin-tree';
import { fingerprint } from './file-tree';
import { GenerationStore } from './generation-store';
import { LockFile } from './lock-file';
import { type ApprovalRules, PluginApprovals } from './plugin-approvals';
import { signIntegrity } from './signature';
import { scanPlugin } from './static-scan';

let tree: PluginTree;
beforeEach(() => (tree = new PluginTree()));
afterEach(() => {
  // Generations are read-only.
  execFileSync('chmod', ['-R', 'u+w', tree.root]);
  tree.remove();
});

/** Reading code takes a process of its own; most of these tests are not about code. */
const unread: ApprovalRules['scan'] = async () => ({ files: 0, imports: [], findings: [], tookMs: 0 });

const setUp = async (rules: Partial<ApprovalRules> = {}) => {
  const lock = await LockFile.open(tree.path('home/conductor.lock.json'));
  const store = await GenerationStore.open(tree.path('home/plugins'));
  return { lock, store, approvals: new PluginApprovals(lock, store, { keys: {}, strict: false, scan: unread, ...rules }) };
};
const found = async (name: string, version = '1.0.0'): Promise<ValidPlugin> => {
  const catalogue = await PluginCatalogue.open({ folders: [tree.path('plugins')], nodeModules: [] });
  return catalogue.find(name, version)!;
};
const plugin = (name: string, files: Record<string, string | Buffer> = {}, conductor: Record<string, unknown> = {}, version = '1.0.0') => {
  tree.plugin(`plugins/${name}-${version}`, manifestOf(name, version, conductor), { 'index.js': SHOUTING_ENTRY, ...files });
  return found(name, version);
};
const approve = async (one: ValidPlugin, approvals: PluginApprovals, secrets: string[] = []) => approvals.approve(one, { integrity: (await approvals.inspect(one)).integrity, by: 'anna', secrets });

describe('the integrity hash', () => {
  const hash = async () => (await fingerprint(tree.path('plugins/p-1.0.0'))).integrity;
  beforeEach(async () => void (await plugin('p', { 'lib/a.js': 'a' })));

  it('depends on paths and contents, not on dates, modes or order', async () => {
    const before = await hash();
    chmodSync(tree.path('plugins/p-1.0.0/lib/a.js'), 0o700);
    utimesSync(tree.path('plugins/p-1.0.0/lib/a.js'), 1, 1);

    expect(await hash()).toBe(before);
    expect(before).toMatch(/^sha256-[0-9a-f]{64}$/);
  });

  it.each<[string, () => void]>([
    ['a byte changes', () => tree.write('plugins/p-1.0.0/lib/a.js', 'b')],
    ['a file is added', () => tree.write('plugins/p-1.0.0/lib/b.js', '')],
    ['a hidden file is added', () => tree.write('plugins/p-1.0.0/.hidden', '')],
    ['a file is renamed', () => renameSync(tree.path('plugins/p-1.0.0/lib/a.js'), tree.path('plugins/p-1.0.0/lib/c.js'))],
    ['a file goes', () => rmSync(tree.path('plugins/p-1.0.0/lib/a.js'))],
    ['a file becomes a link to the same content', () => {
      renameSync(tree.path('plugins/p-1.0.0/lib/a.js'), tree.path('plugins/p-1.0.0/lib/z.js'));
      linkSync(tree.path('plugins/p-1.0.0/lib/z.js'), tree.path('plugins/p-1.0.0/lib/y.js'));
      symlinkSync('z.js', tree.path('plugins/p-1.0.0/lib/a.js'));
    }],
    ['a package below changes', () => tree.write('plugins/p-1.0.0/node_modules/dep/index.js', 'x')],
  ])('is another when %s', async (_, change) => {
    const before = await hash();
    change();

    expect(await hash()).not.toBe(before);
  });

  it.each<[string, string, () => void]>([
    ['a link that leads out', 'link-leads-out', () => symlinkSync('/etc/passwd', tree.path('plugins/p-1.0.0/passwd'))],
    ['a link that climbs out', 'link-leads-out', () => symlinkSync('../..', tree.path('plugins/p-1.0.0/up'))],
    ['a circle of links', 'dead-link', () => symlinkSync('me', tree.path('plugins/p-1.0.0/me'))],
    ['a named pipe', 'not-a-file', () => execFileSync('mkfifo', [tree.path('plugins/p-1.0.0/pipe')])],
    ['a file of more than 100 MB', 'file-too-large', () => {
      tree.write('plugins/p-1.0.0/big.bin', '');
      truncateSync(tree.path('plugins/p-1.0.0/big.bin'), 100 * 1024 * 1024 + 1);
    }],
    ['more than 500 MB in all', 'too-large', () => {
      for (let n = 0; n < 6; n++) truncateSync(tree.write(`plugins/p-1.0.0/${n}.bin`, ''), 100 * 1024 * 1024);
    }],
    ['folders nested without end', 'too-deep', () => mkdirSync(tree.path('plugins/p-1.0.0', ...Array<string>(100).fill('d')), { recursive: true })],
  ])('is refused for %s', async (_, code, make) => {
    make();

    await expect(hash()).rejects.toMatchObject({ name: 'PluginRefused', code });
  });

  it('copes with 10,000 files, and with names that hold line breaks', async () => {
    mkdirSync(tree.path('plugins/p-1.0.0/many'));
    for (let n = 0; n < 10_000; n++) writeFileSync(tree.path(`plugins/p-1.0.0/many/${n}.json`), '{}');
    tree.write('plugins/p-1.0.0/line\nbreak.js', '');

    expect(Object.keys((await fingerprint(tree.path('plugins/p-1.0.0'))).files)).toHaveLength(10_004);
  });

  it('refuses more files than anybody ships', async () => {
    await expect(fingerprint(tree.path('plugins/p-1.0.0'), { fileBytes: 1e6, totalBytes: 1e6, files: 2, depth: 10 })).rejects.toMatchObject({ code: 'too-many-files' });
  });
});

describe('an approval', () => {
  it('is for exactly the files that were seen, and is kept across restarts', async () => {
    const { approvals, store } = await setUp();
    const one = await plugin('p', {}, { permissions: { net: ['api.example.org'], secrets: ['TOKEN', 'OTHER'] } });
    expect(await approvals.inspect(one)).toMatchObject({ approval: 'never', obstacles: [] });

    const { generation } = await approve(one, approvals, ['TOKEN']);

    const again = await setUp();
    expect(again.lock.approval('p', '1.0.0')).toMatchObject({ approvedBy: 'anna', secrets: ['TOKEN'], permissions: { net: ['api.example.org'] } });
    expect(await again.approvals.inspect(one)).toMatchObject({ approval: 'approved' });
    expect(await again.approvals.permit('p', '1.0.0')).toMatchObject({ generation });
    expect(generation.folder).toBe(store.folderOf('p', '1.0.0', generation.integrity));
    expect(readFileSync(`${generation.folder}/index.js`, 'utf8')).toBe(SHOUTING_ENTRY);
    expect(statSync(`${generation.folder}/index.js`).mode & 0o222).toBe(0);
    expect(JSON.parse(readFileSync(tree.path('home/conductor.lock.json'), 'utf8'))).toMatchObject({ format: 1, plugins: { p: { approved: { '1.0.0': { integrity: generation.integrity } } } } });
  });

  it('is needed again when a file or a permission changes, with what changed', async () => {
    const { approvals } = await setUp();
    await approve(await plugin('p', { 'old.js': '1', 'same.js': '2' }, { permissions: { net: ['a.example'], secrets: ['TOKEN'] } }), approvals);

    rmSync(tree.path('plugins/p-1.0.0/old.js'));
    const one = await plugin('p', { 'index.js': `${SHOUTING_ENTRY}//`, 'new.js': '3' }, { permissions: { net: ['b.example'], workers: true } });

    expect(await approvals.inspect(one)).toMatchObject({
      approval: 'changed',
      change: { since: '1.0.0', files: { added: ['new.js'], removed: ['old.js'], changed: ['index.js', 'package.json'] }, permissions: ['+ net: b.example', '- net: a.example', '- secrets: TOKEN', '+ workers'] },
    });
  });

  it('shows what a new version has that the newest approved one had not', async () => {
    const { approvals } = await setUp();
    await approve(await plugin('p'), approvals);

    expect(await approvals.inspect(await plugin('p', { 'index.js': '1' }, { permissions: { net: ['a.example'] } }, '1.1.0'))).toMatchObject({ approval: 'never', change: { since: '1.0.0', permissions: ['+ net: a.example'] } });
  });

  it('is refused when the files changed after they were seen', async () => {
    const { approvals, lock } = await setUp();
    const one = await plugin('p');
    const { integrity } = await approvals.inspect(one);
    tree.write('plugins/p-1.0.0/index.js', 'evil()');

    await expect(approvals.approve(one, { integrity, by: 'anna', secrets: [] })).rejects.toMatchObject({ code: 'changed' });
    expect(lock.approval('p', '1.0.0')).toBeUndefined();
  });

  it('runs from the copy, whatever becomes of the folder it came from', async () => {
    const { approvals } = await setUp();
    await approve(await plugin('p'), approvals);
    rmSync(tree.path('plugins'), { recursive: true });

    const permit = await approvals.permit('p', '1.0.0');
    expect(readFileSync(`${permit!.generation.folder}/index.js`, 'utf8')).toBe(SHOUTING_ENTRY);
  });

  it('is void when the copy itself was changed, or something was put beside it', async () => {
    const { approvals } = await setUp();
    const { generation } = await approve(await plugin('p'), approvals);
    chmodSync(generation.folder, 0o755);

    writeFileSync(`${generation.folder}/conductor.sig`, 'code');
    await expect(approvals.permit('p', '1.0.0')).rejects.toMatchObject({ code: 'generation-changed' });
    rmSync(`${generation.folder}/conductor.sig`);
    chmodSync(`${generation.folder}/index.js`, 0o644);
    writeFileSync(`${generation.folder}/index.js`, 'evil()');
    await expect(approvals.permit('p', '1.0.0')).rejects.toMatchObject({ code: 'generation-changed' });
  });

  it('needs a person who saw what is critical, and cannot be had for code that contradicts its manifest', async () => {
    const { approvals } = await setUp({ scan: scanPlugin });
    const critical = await plugin('critical', { 'index.js': 'process.binding("fs")' });
    const { integrity } = await approvals.inspect(critical);

    await expect(approvals.approve(critical, { integrity, by: 'anna', secrets: [] })).rejects.toMatchObject({ code: 'findings', message: expect.stringContaining('index.js reaches into Node itself') });
    await expect(approvals.approve(critical, { integrity, by: 'anna', secrets: [], acceptFindings: true })).resolves.toBeDefined();
    const contradicting = await plugin('contradicting', { 'index.js': 'require("child_process")' });
    const seen = await approvals.inspect(contradicting);
    expect(seen.obstacles).toEqual([expect.stringContaining('permissions.childProcess')]);
    await expect(approvals.approve(contradicting, { integrity: seen.integrity, by: 'anna', secrets: [], acceptFindings: true })).rejects.toMatchObject({ code: 'not-approvable' });
  });

  it('is for the permissions that are in the hashed manifest, not for those that discovery once read', async () => {
    const { approvals, lock } = await setUp();
    const stale = await plugin('p');
    await plugin('p', {}, { permissions: { net: ['evil.example'] } });

    const seen = await approvals.inspect(stale);
    expect(seen.permissions.net).toEqual(['evil.example']);
    await approvals.approve(stale, { integrity: seen.integrity, by: 'anna', secrets: [] });
    expect(lock.approval('p', '1.0.0')?.permissions.net).toEqual(['evil.example']);
    tree.write('plugins/p-1.0.0/package.json', manifestOf('somebody-else'));
    await expect(approvals.inspect(stale)).rejects.toMatchObject({ code: 'changed' });
  });

  it('leaves no copy behind when it is refused', async () => {
    const { approvals, store } = await setUp({ strict: true });
    const one = await plugin('p');
    const { integrity } = await approvals.inspect(one);

    await expect(approvals.approve(one, { integrity, by: 'anna', secrets: [] })).rejects.toMatchObject({ code: 'not-approvable' });
    expect(await store.folders()).toEqual([]);
  });

  it('is refused for a configuration that can never be checked', async () => {
    const { approvals } = await setUp();

    expect((await approvals.inspect(await plugin('p', {}, { config: { $ref: '#/definitions/missing' } }))).obstacles).toEqual([expect.stringContaining('conductor.config cannot be used')]);
  });

  it('grants no secret that was not asked for', async () => {
    const { approvals } = await setUp();

    await expect(approve(await plugin('p', {}, { permissions: { secrets: ['TOKEN'] } }), approvals, ['DATABASE_URL'])).rejects.toMatchObject({ code: 'secret-not-asked-for' });
  });

  it('can be taken back', async () => {
    const { approvals } = await setUp();
    await approve(await plugin('p'), approvals);

    expect(await approvals.revoke('p', '1.0.0')).toBe(true);
    expect(await approvals.permit('p', '1.0.0')).toBeUndefined();
    expect(await approvals.revoke('p', '1.0.0')).toBe(false);
  });
});

describe('a signature', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x!, 'base64url').toString('base64');
  const signed = async (name = 'p') => {
    await plugin(name);
    const { integrity } = await fingerprint(tree.path(`plugins/${name}-1.0.0`));
    tree.write(`plugins/${name}-1.0.0/conductor.sig`, signIntegrity(integrity, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()));
    return found(name);
  };

  it.each([['PEM', pem], ['32 bytes in base64', raw]])('is recognised by a key given as %s', async (_, key) => {
    const { approvals, lock } = await setUp({ keys: { acme: key }, strict: true });
    const one = await signed();

    expect(await approvals.inspect(one)).toMatchObject({ signature: { state: 'valid', key: 'acme' }, obstacles: [] });
    const { generation } = await approve(one, approvals);
    expect(lock.approval('p', '1.0.0')).toMatchObject({ signedBy: 'acme' });
    // It is not covered by the hash, so nobody may load it as code.
    expect(existsSync(`${generation.folder}/conductor.sig`)).toBe(false);
  });

  it('does not hold for other files, or by other keys', async () => {
    const other = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const one = await signed();
    expect((await (await setUp({ keys: { other } })).approvals.inspect(one)).obstacles).toEqual([expect.stringContaining('none of the configured keys')]);

    tree.write('plugins/p-1.0.0/index.js', 'changed');
    const changed = (await setUp({ keys: { acme: pem } })).approvals;
    await expect(approve(one, changed)).rejects.toMatchObject({ code: 'not-approvable' });
  });

  it.each(['', 'nonsense', 'x'.repeat(100_000)])('that is none is refused (%#)', async (text) => {
    const { approvals } = await setUp();
    const one = await plugin('p');
    tree.write('plugins/p-1.0.0/conductor.sig', text);

    expect(await approvals.inspect(one)).toMatchObject({ signature: { state: 'invalid' } });
  });

  it('is missed in strict mode only, also by what was approved before', async () => {
    const one = await plugin('p');
    const lenient = await setUp();
    await approve(one, lenient.approvals);

    const strict = await setUp({ strict: true });
    expect((await strict.approvals.inspect(one)).obstacles).toEqual([expect.stringContaining('not signed')]);
    await expect(strict.approvals.permit('p', '1.0.0')).rejects.toMatchObject({ code: 'unsigned' });
  });
});

describe('the lock file', () => {
  it('is written whole or not at all, by several changes at once, and leaves nothing beside it', async () => {
    const { approvals, lock } = await setUp();
    const plugins = await Promise.all(['a', 'b', 'c'].map((name) => plugin(name)));

    await Promise.all(plugins.map((one) => approve(one, approvals)));
    await lock.use('a', '1.0.0');

    expect(readdirSync(tree.path('home'))).toEqual(['conductor.lock.json', 'plugins']);
    const again = (await setUp()).lock;
    expect(['a', 'b', 'c'].map((name) => again.approval(name, '1.0.0') !== undefined)).toEqual([true, true, true]);
    expect(again.versions).toEqual(new Map([['a', '1.0.0']]));
    await again.use('a', undefined);
    expect(again.versions.size).toBe(0);
  });

  it.each(['{', '[]', '{"format":2,"plugins":{}}', '{"format":1,"plugins":{},"more":1}', '{"format":1,"plugins":{"p":{"approved":{"1.0.0":{}}}}}'])('that is damaged stops plugins rather than losing approvals: %s', async (text) => {
    tree.write('home/conductor.lock.json', text);

    await expect(setUp()).rejects.toThrow(/is damaged, so it is not known which plugins were approved/);
  });
});

describe('stored generations', () => {
  it('are kept while they are used or wanted, and go after that', async () => {
    const { approvals, store } = await setUp();
    const first = (await approve(await plugin('p'), approvals)).generation;
    const second = (await approve(await plugin('@acme/q'.replace('@acme/', ''), {}, {}, '2.0.0'), approvals)).generation;
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
    const { approvals, store } = await setUp();
    const one = await plugin('p', { 'bin/link.js': '' });
    symlinkSync('link.js', tree.path('plugins/p-1.0.0/bin/second.js'));
    const { generation } = await approve(one, approvals);
    const madeAt = statSync(generation.folder).ino;
    tree.write('home/plugins/.incoming/dead/index.js', '');

    await GenerationStore.open(tree.path('home/plugins'));
    expect((await store.put(one.folder, 'p', '1.0.0', generation.integrity)).folder).toBe(generation.folder);
    expect(statSync(generation.folder).ino).toBe(madeAt);
    expect(lstatSync(`${generation.folder}/bin/second.js`).isSymbolicLink()).toBe(true);
    expect(existsSync(tree.path('home/plugins/.incoming'))).toBe(false);
  });
});
