import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** A TypeScript program of this repository in a process of its own, which a test may kill. */
export class TypeScriptChild {
  private said = '';

  private constructor(private readonly process: ChildProcess) {
    process.stdout?.on('data', (chunk: Buffer) => (this.said += chunk.toString()));
    process.stderr?.on('data', (chunk: Buffer) => (this.said += chunk.toString()));
  }

  static start(file: string, env: NodeJS.ProcessEnv = {}, args: readonly string[] = []): TypeScriptChild {
    const hook = join(__dirname, 'run-typescript.cjs');
    // Jest's own options mean nothing to the child.
    return new TypeScriptChild(spawn(process.execPath, ['--require', hook, file, ...args], { env: { ...process.env, NODE_OPTIONS: '', ...env }, stdio: ['ignore', 'pipe', 'pipe'] }));
  }

  /** What it has written so far, both streams. */
  get output(): string {
    return this.said;
  }

  /** Resolves when it has ended. */
  get exit(): Promise<unknown> {
    return this.hasEnded ? Promise.resolve() : once(this.process, 'exit');
  }

  get hasEnded(): boolean {
    return this.process.exitCode !== null || this.process.signalCode !== null;
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.hasEnded) return;
    const exit = once(this.process, 'exit');
    this.process.kill(signal);
    await exit;
  }
}
