import { type Dirent, lstatSync, readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';

/** `plugins/@acme/telegram/1.2.0` is as deep as a plugin may lie. */
const DEEPEST = 3;
/** Folders looked at below one plugin folder: nobody has so many plugins, but somebody may unpack an archive of a whole disk there. */
const MOST_FOLDERS = 5_000;

export type FolderFound = { path: string } | { path: string; problem: string };

/**
 * Lists what may be plugins below a plugin folder: `telegram/`, `telegram@1.2.0/`, `telegram/1.2.0/`, each also below a scope `@acme/`.
 * A folder with a package.json is one; a folder that has none, and no folder with one below it, is one that is incomplete.
 * Hidden folders and files are nobody's plugin.
 */
export const foldersOf = (root: string): FolderFound[] => {
  const found: FolderFound[] = [];
  const seen = new Set<string>();
  let looked = 0;
  const visit = (path: string, depth: number): number => {
    if (++looked > MOST_FOLDERS) return 0;
    let entries: Dirent[];
    let real: string;
    try {
      real = realpathSync.native(path);
      // A link back up, or a second one to the same folder.
      if (seen.has(real)) return 1;
      seen.add(real);
      entries = readdirSync(real, { withFileTypes: true });
    } catch (error) {
      found.push({ path, problem: readable(error) });
      return 1;
    }
    if (depth > 0 && entries.some(({ name }) => name === 'package.json')) {
      found.push({ path: real });
      return 1;
    }
    const below = depth < DEEPEST ? entries.filter((entry) => isPlace(entry)) : [];
    const plugins = below.reduce((sum, { name }) => sum + visit(join(real, name), depth + 1), 0);
    // Only the outermost of several empty folders is worth a line.
    if (plugins === 0 && depth === 1) found.push({ path: real });
    return plugins;
  };
  visit(root, 0);
  if (looked > MOST_FOLDERS) found.push({ path: root, problem: `more than ${MOST_FOLDERS} folders lie in it; the others were not looked at` });
  return found;
};

/** Packages of a `node_modules`, with and without scope. Those that are no plugins are sorted out when they are read. */
export const packagesOf = (nodeModules: string): string[] => {
  const top = placesIn(nodeModules);
  const scopes = top.filter((path) => path.startsWith(join(nodeModules, '@')));
  return [...top.filter((path) => !scopes.includes(path)), ...scopes.flatMap(placesIn)];
};

const placesIn = (folder: string): string[] => {
  try {
    return readdirSync(folder, { withFileTypes: true }).filter(isPlace).map(({ name }) => join(folder, name));
  } catch {
    return [];
  }
};

const isPlace = (entry: Dirent) => (entry.isDirectory() || entry.isSymbolicLink()) && !entry.name.startsWith('.') && entry.name !== 'node_modules';

const readable = (error: unknown): string => {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ELOOP') return 'its symbolic links go round in a circle';
  if (code === 'ENOENT') return 'it is a symbolic link that leads nowhere, or it was just removed';
  if (code === 'EACCES' || code === 'EPERM') return 'the Conductor may not read it';
  if (code === 'ENOTDIR') return 'it is a symbolic link to something that is no folder';
  return `it cannot be read (${code ?? message})`;
};

/** When something in the folder itself last changed, in epoch milliseconds; 0 when it is gone. */
export const changedAt = (path: string): number => {
  const is = lstatSync(path, { throwIfNoEntry: false });
  return is === undefined ? 0 : Math.max(is.mtimeMs, is.ctimeMs);
};
