import { closeSync, constants, fstatSync, openSync, readSync, realpathSync, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import { textOf } from '@conductor/config';
import type { ManifestProblem, PluginManifest } from '@conductor/contracts';
import { problemOfSchema } from './config-check';
import { type Parsed, parseManifest } from './parse-manifest';

/** A package.json larger than this is no manifest that a person could read and approve. */
const LARGEST_MANIFEST_BYTES = 256 * 1024;
/** An entry above this, too, would be refused when it comes to approval; better said at once. */
export const LARGEST_FILE_BYTES = 100 * 1024 * 1024;

const wrong = (message: string, field = '', unfinished = false): Exclude<Parsed, { manifest: unknown }> => ({ problems: [{ field, message }], unfinished });

/** What a manifest file looked like when it was read: as long as this is the same, so is what stands in it. */
export interface FileStamp {
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly size: number;
}

/*
 * Both read synchronously: a manifest is a few kilobytes, and for hundreds of them the way through the thread pool takes several times
 * as long as the reading. Whoever reads many lets others have their turn in between.
 */

/**
 * Reads a manifest file without following a link at its end: no code runs, nothing outside of the folder is opened.
 * @returns undefined when the package is no plugin
 */
export const readManifestFile = (file: string): Parsed | undefined => {
  let descriptor: number;
  try {
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    return nothingThere(error as NodeJS.ErrnoException);
  }
  try {
    const is = fstatSync(descriptor);
    if (!is.isFile()) return wrong('package.json is not a file');
    if (is.size > LARGEST_MANIFEST_BYTES) return wrong(`package.json has ${is.size} bytes; at most ${LARGEST_MANIFEST_BYTES} are read`);
    const buffer = Buffer.alloc(is.size);
    const bytesRead = readSync(descriptor, buffer, 0, is.size, 0);
    return checkSchema(parseManifest(textOf(buffer.subarray(0, bytesRead))));
  } catch (error) {
    return wrong(`package.json cannot be read: ${(error as Error).message}`);
  } finally {
    closeSync(descriptor);
  }
};

const nothingThere = (error: NodeJS.ErrnoException) => {
  if (error.code === 'ENOENT') return wrong('there is no package.json in it', '', true);
  if (error.code === 'ELOOP' || error.code === 'EMLINK') return wrong('package.json is a symbolic link; it must be a file');
  return wrong(`package.json cannot be read (${error.code ?? error.message})`);
};

const checkSchema = (parsed: Parsed | undefined): Parsed | undefined => {
  if (parsed === undefined || !('manifest' in parsed)) return parsed;
  const { name, version, conductor } = parsed.manifest;
  const message = problemOfSchema(conductor.config);
  return message === undefined ? parsed : { name, version, problems: [{ field: 'conductor.config', message }] };
};

/**
 * Checks that the entry is a file inside of the plugin's folder, wherever symbolic links lead.
 * @param folder with its own links resolved
 */
export const problemOfEntry = (folder: string, { conductor }: PluginManifest): (ManifestProblem & { unfinished?: boolean }) | undefined => {
  const field = 'conductor.entry';
  if (conductor.entry.startsWith('/') || conductor.entry.includes('\0') || conductor.entry.split('/').includes('..')) {
    return { field, message: `"${conductor.entry}" must be a path inside of the plugin's folder, relative to it` };
  }
  try {
    const real = realpathSync.native(join(folder, conductor.entry));
    if (!real.startsWith(folder + sep)) return { field, message: `"${conductor.entry}" leads out of the plugin's folder through a symbolic link` };
    if (!/\.(js|cjs|mjs)$/.test(real)) return { field, message: `"${conductor.entry}" must be a .js, .cjs or .mjs file` };
    const is = statSync(real);
    if (!is.isFile()) return { field, message: `"${conductor.entry}" is not a file` };
    if (is.size > LARGEST_FILE_BYTES) return { field, message: `"${conductor.entry}" has ${is.size} bytes; files above ${LARGEST_FILE_BYTES} are refused` };
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return { field, message: `there is no "${conductor.entry}" in the plugin's folder`, unfinished: true };
    return { field, message: `"${conductor.entry}" cannot be read (${code ?? (error as Error).message})` };
  }
};
