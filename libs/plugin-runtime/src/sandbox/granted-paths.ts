import { lstat, realpath, readlink } from 'node:fs/promises';
import { dirname } from 'node:path';

/** What was granted, as it is found when a process starts. */
export interface GrantedPath {
  /** Where the plugin sees it. */
  readonly path: string;
  /** Where it lies. */
  readonly source: string;
  /** `<device>:<inode>`: what is mounted must be this. */
  readonly identity: string;
}

/** A granted path leads elsewhere than was granted. */
export class GrantedPathMoved extends Error {
  override readonly name = 'GrantedPathMoved';
}

/** Links of the system, which only it can change: `/var/run`, `/lock`, `/tmp` of macOS. */
const OF_THE_SYSTEM = new Set(['/var/run', '/var/lock']);
const isOfTheSystem = (path: string, uid: number) => uid === 0 && (dirname(path) === '/' || OF_THE_SYSTEM.has(path));

/**
 * Looks at what was granted. A symbolic link on the way is refused: whoever can put it there decides what the plugin reads or writes, and
 * what was granted is the place that a person saw. What is not there (yet) is left out.
 * @throws GrantedPathMoved
 */
export const openGrantedPaths = async (paths: readonly string[]): Promise<GrantedPath[]> => {
  const found = await Promise.all([...new Set(paths)].map(async (path) => openGrantedPath(path.length > 1 ? path.replace(/\/+$/, '') : path)));
  return found.filter((one) => one !== undefined);
};

const openGrantedPath = async (path: string): Promise<GrantedPath | undefined> => {
  const parts = path.split('/').filter(Boolean);
  try {
    for (let at = 1; at <= parts.length; at++) {
      const prefix = `/${parts.slice(0, at).join('/')}`;
      const stats = await lstat(prefix);
      if (stats.isSymbolicLink() && !isOfTheSystem(prefix, stats.uid)) {
        throw new GrantedPathMoved(`the granted path ${path} leads through the symbolic link ${prefix} to ${await readlink(prefix)}, which was not granted: put what is meant there itself, or let the manifest ask for where it lies`);
      }
    }
    const source = await realpath(path);
    const { dev, ino } = await lstat(source, { bigint: true });
    return { path, source, identity: `${dev}:${ino}` };
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
};
