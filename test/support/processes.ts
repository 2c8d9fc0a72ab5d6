import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive } from '../../apps/launcher/src/process-facts';

/** A process that belongs to a home. */
export interface Found {
  pid: number;
  command: string;
}

/**
 * Every living process that belongs to a home, also one that nobody wrote down: by its environment (apps), by its folder (Redis).
 * Where the system does not show them (macOS), only those that are already known.
 */
export const processesOf = (home: string, known: Iterable<number>): Found[] => {
  const numbers = new Set([...known, ...everyProcess().filter((pid) => belongsTo(pid, home))]);
  return [...numbers].filter((pid) => pid !== process.pid && isAlive(pid)).map((pid) => ({ pid, command: read(pid, 'cmdline').replaceAll('\0', ' ').trim() }));
};

const everyProcess = (): number[] => {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
};

const belongsTo = (pid: number, home: string): boolean => read(pid, 'environ').split('\0').includes(`CONDUCTOR_HOME=${home}`) || folderOf(pid).startsWith(join(home, '/'));

const folderOf = (pid: number): string => {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return '';
  }
};

const read = (pid: number, file: string): string => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
};
