import { constants, type Stats } from 'node:fs';
import { lstat, open, readdir, readlink, realpath } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join, sep } from 'node:path';
import { LARGEST_FILE_BYTES } from '../manifest/read-plugin';
import { PluginRefused } from './plugin-refused';

/** Lies beside the code and signs its hash, so it cannot be part of it. */
export const SIGNATURE_FILE = 'conductor.sig';

export interface TreeLimits {
  readonly fileBytes: number;
  readonly totalBytes: number;
  readonly files: number;
  readonly depth: number;
}

export const TREE_LIMITS: TreeLimits = { fileBytes: LARGEST_FILE_BYTES, totalBytes: 500 * 1024 * 1024, files: 20_000, depth: 32 };

export type TreeFile = { readonly path: string; readonly kind: 'file'; readonly bytes: number } | { readonly path: string; readonly kind: 'link'; readonly target: string; readonly bytes: 0 };

/**
 * Lists all files of a plugin, sorted by path, paths with `/`. Symbolic links are listed as what they are and must stay inside.
 * @throws PluginRefused for what cannot be part of a plugin: devices, links that lead out, too much of anything
 */
export const listTree = async (root: string, limits: TreeLimits = TREE_LIMITS): Promise<TreeFile[]> => {
  const real = await realpath(root);
  const files: TreeFile[] = [];
  let total = 0;
  const folders = [''];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    if (folder !== '' && folder.split('/').length > limits.depth) throw new PluginRefused('too-deep', `its folders are nested more than ${limits.depth} deep`);
    for (const name of await namesIn(join(real, folder), folder)) {
      const path = folder === '' ? name : `${folder}/${name}`;
      if (path === SIGNATURE_FILE) continue;
      const is = await statOf(join(real, path), path);
      if (is.isDirectory()) {
        folders.push(path);
        continue;
      }
      files.push(is.isSymbolicLink() ? await linkIn(real, path) : plainFile(path, is, limits));
      total += is.isFile() ? is.size : 0;
      if (files.length > limits.files) throw new PluginRefused('too-many-files', `it has more than ${limits.files} files`);
      if (total > limits.totalBytes) throw new PluginRefused('too-large', `its files hold more than ${limits.totalBytes} bytes`);
    }
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
};

const plainFile = (path: string, is: Stats, limits: TreeLimits): TreeFile => {
  if (!is.isFile()) throw new PluginRefused('not-a-file', `${quoted(path)} is neither a file nor a folder`);
  if (is.size > limits.fileBytes) throw new PluginRefused('file-too-large', `${quoted(path)} has ${is.size} bytes; files above ${limits.fileBytes} are refused`);
  return { path, kind: 'file', bytes: is.size };
};

const linkIn = async (root: string, path: string): Promise<TreeFile> => {
  const target = await readlink(join(root, path));
  const leadsTo = await realpath(join(root, path)).catch(() => undefined);
  if (leadsTo === undefined) throw new PluginRefused('dead-link', `the symbolic link ${quoted(path)} leads nowhere, or round in a circle`);
  if (target.startsWith('/') || !leadsTo.startsWith(root + sep)) throw new PluginRefused('link-leads-out', `the symbolic link ${quoted(path)} leads out of the plugin's folder`);
  return { path, kind: 'link', target, bytes: 0 };
};

const namesIn = async (absolute: string, folder: string): Promise<string[]> => {
  const names = await readdir(absolute, { encoding: 'buffer' }).catch((error: unknown) => refuseUnreadable(folder, error));
  return names.map((name) => {
    const text = name.toString('utf8');
    if (!Buffer.from(text, 'utf8').equals(name)) throw new PluginRefused('bad-name', `the name of a file in ${quoted(folder || '.')} is not UTF-8`);
    return text;
  });
};

const statOf = (absolute: string, path: string) => lstat(absolute).catch((error: unknown) => refuseUnreadable(path, error));

const refuseUnreadable = (path: string, error: unknown): never => {
  throw new PluginRefused('unreadable', `${quoted(path || '.')} cannot be read (${(error as NodeJS.ErrnoException).code ?? (error as Error).message})`, error);
};

/** Names may hold line breaks and worse. */
export const quoted = (path: string) => JSON.stringify(path);

/** What a plugin's files are, in one hash, and each by itself. */
export interface Fingerprint {
  /** `sha256-` and 64 hexadecimal digits. */
  readonly integrity: string;
  /** The first 16 digits of each file's own hash, by path. */
  readonly files: Readonly<Record<string, string>>;
  readonly bytes: number;
}

/**
 * Hashes paths, kinds and contents of all files. Order, dates and modes do not count.
 * @throws PluginRefused as `listTree` does, and when a file changes while it is read
 */
export const fingerprint = async (root: string, limits?: TreeLimits): Promise<Fingerprint> => {
  const tree = await listTree(root, limits);
  const whole = createHash('sha256');
  const files = new Map<string, string>();
  for (const file of tree) {
    const digest = file.kind === 'link' ? createHash('sha256').update(file.target).digest('hex') : await digestOf(join(root, file.path), file);
    // Lengths come first, so that no two trees can make the same stream of bytes.
    whole.update(`${file.kind} ${Buffer.byteLength(file.path)}\n${file.path}\n${digest}\n`);
    files.set(file.path, digest.slice(0, 16));
  }
  return { integrity: `sha256-${whole.digest('hex')}`, files: Object.fromEntries(files), bytes: tree.reduce((sum, { bytes }) => sum + bytes, 0) };
};

const digestOf = async (absolute: string, { path, bytes }: TreeFile): Promise<string> => {
  const handle = await open(absolute, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch((error: unknown) => refuseUnreadable(path, error));
  try {
    const hash = createHash('sha256');
    const buffer = Buffer.allocUnsafe(Math.min(Math.max(bytes, 1), 1024 * 1024));
    let read = 0;
    for (let part = await handle.read(buffer); part.bytesRead > 0; part = await handle.read(buffer)) {
      read += part.bytesRead;
      if (read > bytes) break;
      hash.update(buffer.subarray(0, part.bytesRead));
    }
    if (read !== bytes) throw new PluginRefused('changed-meanwhile', `${quoted(path)} changed while it was read; wait until it is written`);
    return hash.digest('hex');
  } finally {
    await handle.close();
  }
};
