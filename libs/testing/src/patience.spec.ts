import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(__dirname, '..', '..', '..');

/** One run of jest over a test that takes longer than the limit it names. */
const run = (patience: string) => {
  const folder = mkdtempSync(join(tmpdir(), 'patience-'));
  try {
    writeFileSync(join(folder, 'slow.test.js'), `it('takes half a second', () => new Promise((resolve) => setTimeout(resolve, 500)), 200);`);
    const config = JSON.stringify({ rootDir: folder, testEnvironment: 'node', setupFilesAfterEnv: [join(ROOT, 'test', 'support', 'patience.cjs')] });
    return spawnSync(process.execPath, [join(ROOT, 'node_modules', 'jest', 'bin', 'jest.js'), '--config', config, '--runInBand'], { cwd: folder, env: { ...process.env, NODE_OPTIONS: '', TEST_PATIENCE: patience }, encoding: 'utf8' }).status;
  } finally {
    rmSync(folder, { recursive: true });
  }
};

describe('a time limit that a test names', () => {
  it('is stretched on a machine that was found to be slow, and holds on one that was not', () => {
    expect(run('1')).toBe(1);
    expect(run('100')).toBe(0);
  }, 60_000);
});
