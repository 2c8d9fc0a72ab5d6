import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ProcessState } from '@conductor/contracts';

export interface Run {
  readonly pid: number;
  readonly redisUrl: string;
  readonly apps: Record<string, { pid?: number | undefined; url?: string | undefined; state: ProcessState['state'] }>;
}

/** `run.json` in the home: what runs where, for scripts (ports may be 0) and for the start after a crash. Holds the Redis password, hence mode 600. */
export class RunFile {
  private readonly file: string;

  constructor(home: string) {
    this.file = join(home, 'run.json');
  }

  /** What runs goes on where this cannot be written, on a full disk say. @returns the reason then */
  write(run: Run): string | undefined {
    const next = `${this.file}.next`;
    try {
      writeFileSync(next, `${JSON.stringify(run, null, 2)}\n`, { mode: 0o600 });
      renameSync(next, this.file);
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  }

  read(): Run | undefined {
    try {
      return JSON.parse(readFileSync(this.file, 'utf8')) as Run;
    } catch {
      return undefined;
    }
  }

  remove(): void {
    rmSync(this.file, { force: true });
  }
}
