import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

/** What the kernel knows of a process. */
export interface Usage {
  readonly rssMb: number;
  /** Processor time it has used since it began, in milliseconds. */
  readonly cpuMs: number;
}

const PAGE_BYTES = 4_096;
/** The unit of /proc/<pid>/stat is the same on every Linux that Node runs on. */
const MS_PER_TICK = 10;

/** @returns undefined when there is no such process, or no /proc */
export const usageOf = (pid: number): Usage | undefined => {
  try {
    return usageIn(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return undefined;
  }
};

const usageIn = (stat: string): Usage | undefined => {
  // The name may hold spaces and parentheses; what follows its last parenthesis is plain.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
  return { cpuMs: (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK, rssMb: Math.round((Number(fields[21]) * PAGE_BYTES) / 1_048_576) };
};

/** The usage of one process, read again and again. Its file stays open: opening it costs ten times what reading it does. */
export class UsageMeter {
  private readonly bytes = Buffer.alloc(1_024);

  private constructor(private fd: number | undefined) {}

  static of(pid: number): UsageMeter {
    try {
      return new UsageMeter(openSync(`/proc/${pid}/stat`, 'r'));
    } catch {
      return new UsageMeter(undefined);
    }
  }

  /** @returns undefined when the process is gone, or there is no /proc */
  read(): Usage | undefined {
    if (this.fd === undefined) return undefined;
    try {
      return usageIn(this.bytes.toString('latin1', 0, readSync(this.fd, this.bytes, 0, this.bytes.length, 0)));
    } catch {
      return undefined;
    }
  }

  close(): void {
    if (this.fd !== undefined) closeSync(this.fd);
    this.fd = undefined;
  }
}

/** Is there such a process, and is it not merely waiting to be reaped? */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return process.platform !== 'linux' || usageOf(pid) !== undefined;
};

/** Processes that a process has started, as the parent's namespace numbers them. */
export const childrenOf = (pid: number): number[] => {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
};

/** Ends processes at once; a negative number stands for a group of them. Those that are gone already are nobody's fault. */
export const endAll = (pids: Iterable<number>): void => {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // Gone already.
    }
  }
};
