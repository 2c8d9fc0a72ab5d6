import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, realpath } from 'node:fs/promises';
import { promisify } from 'node:util';

const FOLDERS = ['/usr/bin', '/bin', '/usr/sbin', '/sbin', '/usr/local/bin'];

/** Programs that walls are built with, by absolute path: a plugin's process has no PATH. */
export interface Tools {
  readonly sh?: string;
  readonly unshare?: string;
  readonly setpriv?: string;
  readonly prlimit?: string;
  readonly mount?: string;
  readonly chroot?: string;
}

export const findTools = async (): Promise<Tools> => {
  const names = ['sh', 'unshare', 'setpriv', 'prlimit', 'mount', 'chroot'] as const;
  const found = await Promise.all(names.map(async (name) => [name, await which(name)] as const));
  return Object.fromEntries(found.filter(([, path]) => path !== undefined));
};

const which = async (name: string): Promise<string | undefined> => {
  for (const folder of FOLDERS) {
    const path = `${folder}/${name}`;
    if (await access(path, constants.X_OK).then(() => true, () => false)) return path;
  }
  return undefined;
};

/** A program's shared libraries and its loader, as paths; empty for one that needs none, or where nobody can tell. */
export const librariesOf = async (...programs: string[]): Promise<string[]> => {
  const lists = await Promise.all(programs.map((program) => promisify(execFile)('ldd', [program]).then(({ stdout }) => stdout, () => '')));
  return [...new Set(lists.flatMap((list) => [...list.matchAll(/(?:=> )?(\/[^\s]+) \(0x/g)].map((match) => match[1]!)))];
};

/** This very Node, whatever link it was started by. */
export const nodeBinary = (): Promise<string> => realpath(process.execPath);
