import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const LINUX = process.platform === 'linux';

export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};

/** A dead process whose parent has not asked for its end yet still has a number; in a container without an init it may keep it. */
const isZombie = (pid: number): boolean => LINUX && statOf(pid)?.[0] === 'Z';

/** The command line of a process, '' if there is no such process (any more). */
export const commandOf = (pid: number): string =>
  LINUX ? read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim() : ps(pid, 'command=');

/** Tells a process from a later one that got the same number: when it was started, and its command line. */
export const identityOf = (pid: number): string =>
  LINUX ? `${statOf(pid)?.[19] ?? ''} ${commandOf(pid)}`.trim() : ps(pid, 'lstart=,command=');

/** Resident memory in MB, undefined if the process is gone. */
export const rssMbOf = (pid: number): number | undefined => {
  const kb = Number(LINUX ? /^VmRSS:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] : ps(pid, 'rss=') || undefined);
  return Number.isFinite(kb) ? kb / 1024 : undefined;
};

/** Ends a process and everything it started and left in its group. */
export const killGroup = (pid: number | undefined): void => {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody left in that group: what we want.
  }
};

/** Waits until a process that is not our child is gone. */
export const untilGone = async (pid: number, timeoutMs: number): Promise<boolean> => {
  const deadline = Date.now() + timeoutMs;
  while (isAlive(pid)) {
    if (Date.now() >= deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return true;
};

/** The fields of /proc/<pid>/stat from the state on; the name before it may hold spaces and brackets. */
const statOf = (pid: number): string[] | undefined => read(`/proc/${pid}/stat`).match(/.*\) (.*)/s)?.[1]?.split(' ');

const read = (file: string): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
};

const ps = (pid: number, columns: string): string => {
  try {
    return execFileSync('ps', ['-o', columns, '-p', String(pid)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return '';
  }
};
