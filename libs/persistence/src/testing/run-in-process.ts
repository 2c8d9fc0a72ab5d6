import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { transformSync } from '@swc/core';

const SOURCES = join(__dirname, '..');

/** This library, compiled, for tests that need processes of their own. */
export class CompiledLibrary {
  readonly #folder = mkdtempSync(join(tmpdir(), 'conductor-compiled-'));

  constructor() {
    for (const file of readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith('.ts') || file.endsWith('.spec.ts')) continue;
      const target = join(this.#folder, file.replace(/\.ts$/, '.js'));
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, compile(join(SOURCES, file)));
    }
  }

  /** Runs one of its files to the end and resolves with what it printed; rejects with its errors when it fails. */
  run(file: string, args: readonly string[]): Promise<string> {
    const env = { ...process.env, NODE_PATH: join(SOURCES, '../../../node_modules'), NODE_OPTIONS: '' };
    const child = spawn(process.execPath, [join(this.#folder, file), ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let printed = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => (code === 0 ? resolve(printed) : reject(new Error(`${file} ended with ${code}:\n${errors}`))));
    });
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const compile = (file: string): string =>
  transformSync(readFileSync(file, 'utf8'), {
    filename: file,
    swcrc: false,
    module: { type: 'commonjs' },
    jsc: {
      target: 'es2023',
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
    },
  }).code;
