import { execFileSync } from 'node:child_process';
import { chmodSync, linkSync, mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { fingerprint } from './file-tree';
import { ApprovalStage } from './testing/approval-stage';

let stage: ApprovalStage;
beforeEach(() => (stage = new ApprovalStage()));
afterEach(() => stage.close());

describe('the integrity hash', () => {
  const hash = async () => (await fingerprint(stage.tree.path('plugins/p-1.0.0'))).integrity;
  beforeEach(async () => void (await stage.plugin('p', { 'lib/a.js': 'a' })));

  it('depends on paths and contents, not on dates, modes or order', async () => {
    const before = await hash();
    chmodSync(stage.tree.path('plugins/p-1.0.0/lib/a.js'), 0o700);
    utimesSync(stage.tree.path('plugins/p-1.0.0/lib/a.js'), 1, 1);

    expect(await hash()).toBe(before);
    expect(before).toMatch(/^sha256-[0-9a-f]{64}$/);
  });

  it.each<[string, () => void]>([
    ['a byte changes', () => stage.tree.write('plugins/p-1.0.0/lib/a.js', 'b')],
    ['a file is added', () => stage.tree.write('plugins/p-1.0.0/lib/b.js', '')],
    ['a hidden file is added', () => stage.tree.write('plugins/p-1.0.0/.hidden', '')],
    ['a file is renamed', () => renameSync(stage.tree.path('plugins/p-1.0.0/lib/a.js'), stage.tree.path('plugins/p-1.0.0/lib/c.js'))],
    ['a file goes', () => rmSync(stage.tree.path('plugins/p-1.0.0/lib/a.js'))],
    ['a file becomes a link to the same content', () => {
      renameSync(stage.tree.path('plugins/p-1.0.0/lib/a.js'), stage.tree.path('plugins/p-1.0.0/lib/z.js'));
      linkSync(stage.tree.path('plugins/p-1.0.0/lib/z.js'), stage.tree.path('plugins/p-1.0.0/lib/y.js'));
      symlinkSync('z.js', stage.tree.path('plugins/p-1.0.0/lib/a.js'));
    }],
    ['a package below changes', () => stage.tree.write('plugins/p-1.0.0/node_modules/dep/index.js', 'x')],
  ])('is another when %s', async (_, change) => {
    const before = await hash();
    change();

    expect(await hash()).not.toBe(before);
  });

  it.each<[string, string, () => void]>([
    ['a link that leads out', 'link-leads-out', () => symlinkSync('/etc/passwd', stage.tree.path('plugins/p-1.0.0/passwd'))],
    ['a link that climbs out', 'link-leads-out', () => symlinkSync('../..', stage.tree.path('plugins/p-1.0.0/up'))],
    ['a circle of links', 'dead-link', () => symlinkSync('me', stage.tree.path('plugins/p-1.0.0/me'))],
    ['a named pipe', 'not-a-file', () => execFileSync('mkfifo', [stage.tree.path('plugins/p-1.0.0/pipe')])],
    ['a file of more than 100 MB', 'file-too-large', () => {
      stage.tree.write('plugins/p-1.0.0/big.bin', '');
      truncateSync(stage.tree.path('plugins/p-1.0.0/big.bin'), 100 * 1024 * 1024 + 1);
    }],
    ['more than 500 MB in all', 'too-large', () => {
      for (let n = 0; n < 6; n++) truncateSync(stage.tree.write(`plugins/p-1.0.0/${n}.bin`, ''), 100 * 1024 * 1024);
    }],
    ['folders nested without end', 'too-deep', () => mkdirSync(stage.tree.path('plugins/p-1.0.0', ...Array<string>(100).fill('d')), { recursive: true })],
  ])('is refused for %s', async (_, code, make) => {
    make();

    await expect(hash()).rejects.toMatchObject({ name: 'PluginRefused', code });
  });

  it('copes with 10,000 files, and with names that hold line breaks', async () => {
    mkdirSync(stage.tree.path('plugins/p-1.0.0/many'));
    for (let n = 0; n < 10_000; n++) writeFileSync(stage.tree.path(`plugins/p-1.0.0/many/${n}.json`), '{}');
    stage.tree.write('plugins/p-1.0.0/line\nbreak.js', '');

    expect(Object.keys((await fingerprint(stage.tree.path('plugins/p-1.0.0'))).files)).toHaveLength(10_004);
  });

  it('refuses more files than anybody ships', async () => {
    await expect(fingerprint(stage.tree.path('plugins/p-1.0.0'), { fileBytes: 1e6, totalBytes: 1e6, files: 2, depth: 10 })).rejects.toMatchObject({ code: 'too-many-files' });
  });
});
