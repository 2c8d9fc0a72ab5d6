import { execFileSync } from 'node:child_process';
import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Checkout } from './support/checkout';
import { ROOT } from './support/command';

const LINT_RULE = /files whose lines would not end with LF everywhere:\n((?: {2}.*\n?)+)/;

describe('a clone made on Windows', () => {
  let checkout: Checkout;
  const git = (...args: string[]) => execFileSync('git', ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', '-c', 'commit.gpgsign=false', ...args], { cwd: checkout.folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  /** What `npm run lint` has against the line endings. */
  const findings = async () => LINT_RULE.exec((await checkout.run('scripts/check-repo.mjs')).output)?.[1] ?? '';

  beforeAll(() => {
    checkout = new Checkout();
    copyFileSync(join(ROOT, '.gitattributes'), checkout.path('.gitattributes'));
    checkout.write('.gitignore', 'node_modules\n.runtime\ndist\n/clone\n');
    git('init', '--quiet');
    git('add', '--all');
    git('commit', '--quiet', '--message', 'as it is');
  }, 60_000);
  afterAll(() => checkout.remove());

  it('has shell scripts and Dockerfiles that work in a container', () => {
    git('clone', '--quiet', '-c', 'core.autocrlf=true', '.', 'clone');
    const files = readdirSync(checkout.path('clone'), { recursive: true, encoding: 'utf8' }).filter((file) => /\.sh$|(^|\/)Dockerfile|(^|\/)\.npmrc$/.test(file));
    expect(files).toEqual(expect.arrayContaining(['docker/Dockerfile', 'docker/entrypoint.sh', 'libs/plugin-runtime/src/sandbox/walls/enclose.sh']));
    expect(files.filter((file) => readFileSync(checkout.path(`clone/${file}`), 'utf8').includes('\r'))).toEqual([]);
    for (const file of files.filter((name) => name.endsWith('.sh'))) execFileSync('bash', ['-n', checkout.path(`clone/${file}`)]);
  }, 60_000);

  it('is what the lint sees to: every file has LF, committed and here, and is covered', async () => {
    expect(await findings()).toBe('');

    const script = checkout.read('docker/entrypoint.sh');
    checkout.write('docker/entrypoint.sh', script.replaceAll('\n', '\r\n'));
    expect(await findings()).toMatch(/docker\/entrypoint\.sh has CRLF here: .*git checkout/);
    checkout.write('docker/entrypoint.sh', script);

    checkout.write('.gitattributes', '*.ts text eol=lf\n');
    const uncovered = await findings();
    for (const file of ['docker/Dockerfile', 'docker/entrypoint.sh', 'libs/plugin-runtime/src/sandbox/walls/join-groups.sh']) expect(uncovered).toContain(`${file} would have CRLF in a clone made on Windows`);
    expect(uncovered).not.toMatch(/\.ts would/);

    checkout.write('docker/extra.sh', 'true\r\n');
    git('-c', 'core.autocrlf=false', 'add', 'docker/extra.sh');
    expect(await findings()).toMatch(/docker\/extra\.sh is committed with CRLF/);
  }, 60_000);
});
