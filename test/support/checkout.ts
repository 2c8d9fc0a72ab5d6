import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ROOT } from './command';

/** What a build, the tests and the launcher need; the rest is as good as not there. */
const COPIED = ['apps', 'libs', 'scripts', 'docker', 'test/support/patience.cjs', '.swcrc', 'package.json', 'package-lock.json', 'jest.config.js', 'tsconfig.json', 'nest-cli.json', 'README.md'];
/** Large, and never written to. */
const LENT = ['node_modules', '.runtime'];

export interface Ended {
  readonly code: number;
  readonly output: string;
}

/** A copy of the project that a test may change, as a person would change it. */
export class Checkout {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'checkout-')));

  constructor() {
    for (const name of COPIED) cpSync(join(ROOT, name), this.path(name), { recursive: true });
    for (const name of LENT) symlinkSync(join(ROOT, name), this.path(name));
  }

  path(name: string): string {
    return join(this.folder, ...name.split('/'));
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  write(name: string, text: string): void {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), text);
  }

  delete(name: string): void {
    rmSync(this.path(name), { recursive: true });
  }

  /** Runs a script of the project, or of a package, to its end. */
  run(script: string, args: readonly string[] = [], env: Record<string, string> = {}): Promise<Ended> {
    return new Promise((resolve) => {
      execFile(process.execPath, [this.path(script), ...args], { cwd: this.folder, env: { ...process.env, NODE_OPTIONS: '', ...env }, maxBuffer: 10_000_000 }, (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code ?? 1) : 0, output: stdout + stderr }),
      );
    });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
