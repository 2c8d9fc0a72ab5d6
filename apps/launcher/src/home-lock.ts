import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CannotStart } from './cannot-start';
import { identityOf, isAlive } from './process-facts';

/**
 * One launcher per home: two would share queues' files and ports. A file with the number of the process is enough, and
 * one left behind by a crash is told by its process being gone, or being another one by now.
 */
export class HomeLock {
  private readonly file: string;
  private isHeld = false;

  /** @param portVariables of all doors, so that who is refused is told how to open others */
  constructor(
    private readonly home: string,
    private readonly portVariables: readonly string[],
  ) {
    this.file = join(home, 'launcher.pid');
  }

  /** @throws CannotStart when another launcher runs on this home. */
  take(): void {
    for (let attempt = 0; attempt < 3; attempt += 1) {
      try {
        writeFileSync(this.file, JSON.stringify({ pid: process.pid, identity: identityOf(process.pid) }), { flag: 'wx', mode: 0o600 });
        this.isHeld = true;
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const holder = this.holder();
      if (holder !== undefined) throw this.heldBy(holder);
      this.discard();
    }
    throw this.heldBy(undefined);
  }

  get held(): boolean {
    return this.isHeld;
  }

  release(): void {
    if (this.isHeld) rmSync(this.file, { force: true });
    this.isHeld = false;
  }

  private holder(): number | undefined {
    try {
      const { pid, identity } = JSON.parse(readFileSync(this.file, 'utf8')) as { pid: number; identity: string };
      return pid !== process.pid && isAlive(pid) && identityOf(pid) === identity ? pid : undefined;
    } catch {
      return undefined;
    }
  }

  /** Only one of several that find the stale file gets to move it away. */
  private discard(): void {
    const aside = `${this.file}.stale-${process.pid}`;
    try {
      renameSync(this.file, aside);
    } catch {
      return;
    }
    rmSync(aside, { force: true });
  }

  private heldBy(pid: number | undefined): CannotStart {
    return new CannotStart(
      [
        `The Conductor already runs on ${this.home}${pid === undefined ? '' : ` (process ${pid})`}.`,
        `Stop it there with Ctrl-C${pid === undefined ? '' : ` or \`kill ${pid}\``}, or give this one a home and ports of its own:`,
        `  CONDUCTOR_HOME=.conductor-2 ${this.portVariables.map((variable, index) => `${variable}=${4000 + index}`).join(' ')} npm start`,
      ].join('\n'),
    );
  }
}
