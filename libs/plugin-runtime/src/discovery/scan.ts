import { lstatSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as others } from 'node:timers/promises';
import type { ManifestProblem, PluginCandidate, PluginManifest } from '@conductor/contracts';
import { problemOfEntry, readManifestFile } from '../manifest/read-plugin';
import { ManifestCache } from './manifest-cache';
import { changedAt, foldersOf, packagesOf } from './plugin-folders';

export interface Places {
  /** Folders in which plugins lie. One that does not exist holds none. */
  readonly folders: readonly string[];
  /** `node_modules` folders whose packages may be plugins. */
  readonly nodeModules: readonly string[];
}

/** What is incomplete and changed within this time is being written, not wrong. */
const BEING_WRITTEN_MS = 2_000;
/** After this much reading others get their turn. */
const TURN_MS = 5;

/** Looks at all places. What is wrong with one plugin is listed with it and hides no other. Sorted by name, then by folder. */
export const scan = async (places: Places, cache: ManifestCache): Promise<PluginCandidate[]> => {
  const found: PluginCandidate[] = [];
  let turnEnds = performance.now() + TURN_MS;
  const take = async (one: PluginCandidate | undefined) => {
    if (one !== undefined) found.push(one);
    if (performance.now() < turnEnds) return;
    await others();
    turnEnds = performance.now() + TURN_MS;
  };
  for (const root of places.folders) {
    const folders = changedAt(root) > 0 ? foldersOf(root) : [];
    for (const folder of folders) await take('problem' in folder ? invalid(folder.path, 'folder', [{ field: '', message: folder.problem }]) : candidate(folder.path, 'folder', cache));
  }
  for (const nodeModules of places.nodeModules) for (const path of packagesOf(nodeModules)) await take(candidate(path, 'package', cache));
  await cache.save();
  return withoutDoubles(found).sort((a, b) => order(a.name ?? '', b.name ?? '') || order(a.folder, b.folder));
};

/** Looks at one plugin's folder. @returns undefined when it is none */
export const readPluginFolder = async (folder: string): Promise<PluginCandidate | undefined> => candidate(folder, 'package', await ManifestCache.open());

/** Looks at one folder. @returns undefined for a package that is no plugin */
const candidate = (path: string, source: 'folder' | 'package', cache: ManifestCache): PluginCandidate | undefined => {
  const folder = realOf(path);
  if (folder === undefined) return source === 'package' ? undefined : invalid(path, source, [{ field: '', message: 'it was removed while it was looked at' }]);
  const read = manifestIn(folder, cache);
  if (read === undefined) return source === 'package' ? undefined : invalid(folder, source, [{ field: 'conductor', message: 'package.json has no "conductor", which makes a package a plugin' }]);
  // Other people's packages are none of our business until they say that they are plugins.
  if (!('manifest' in read)) return source === 'package' && read.name === undefined ? undefined : unusable(folder, source, read);
  const { manifest } = read;
  const problem = problemOfEntry(folder, manifest);
  const { name, version } = manifest;
  return problem === undefined ? { state: 'valid', folder, source, name, version, manifest } : unusable(folder, source, { name, version, problems: [{ field: problem.field, message: problem.message }], ...(problem.unfinished && { unfinished: true }) });
};

interface Unusable {
  name?: string;
  version?: string;
  problems: ManifestProblem[];
  unfinished?: boolean;
}

const manifestIn = (folder: string, cache: ManifestCache): { manifest: PluginManifest } | Unusable | undefined => {
  const file = join(folder, 'package.json');
  const stamp = lstatSync(file, { throwIfNoEntry: false });
  const remembered = stamp && cache.get(file, stamp);
  if (remembered !== undefined) return remembered.plugin === undefined ? undefined : { manifest: remembered.plugin };
  const read = readManifestFile(file);
  if (stamp !== undefined && (read === undefined || 'manifest' in read)) cache.set(file, stamp, read?.manifest);
  else cache.forget(file);
  return read;
};

const unusable = (folder: string, source: 'folder' | 'package', { unfinished, ...rest }: Unusable): PluginCandidate => {
  const newest = Math.max(changedAt(folder), changedAt(join(folder, 'package.json')));
  const state = unfinished && Date.now() - newest < BEING_WRITTEN_MS ? 'being-written' : 'invalid';
  return { state, folder, source, ...rest };
};

const invalid = (folder: string, source: 'folder' | 'package', problems: ManifestProblem[]): PluginCandidate => ({ state: 'invalid', folder, source, problems });

/** The same folder reached twice (by links) is one plugin; the same version in two folders is an error of the second, in the order of the places. */
const withoutDoubles = (found: PluginCandidate[]): PluginCandidate[] => {
  const folders = new Set<string>();
  const versions = new Map<string, string>();
  return found
    .filter(({ folder }) => !folders.has(folder) && folders.add(folder))
    .map((one) => {
      if (one.state !== 'valid') return one;
      const id = `${one.name}@${one.version}`;
      const first = versions.get(id);
      versions.set(id, first ?? one.folder);
      if (first === undefined) return one;
      const { folder, source, name, version } = one;
      return { state: 'invalid', folder, source, name, version, problems: [{ field: 'version', message: `${id} lies in ${JSON.stringify(first)} already; each version may be there once` }] };
    });
};

/** With all links followed; undefined when it is gone. */
const realOf = (path: string): string | undefined => {
  try {
    return realpathSync.native(path);
  } catch {
    return undefined;
  }
};

const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
