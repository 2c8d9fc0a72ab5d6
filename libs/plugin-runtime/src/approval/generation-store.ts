import { randomUUID } from 'node:crypto';
import { chmod, cp, lstat, mkdir, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { isAlive } from '../sandbox/process/usage';
import { fingerprint, listTree, SIGNATURE_FILE } from './file-tree';
import { PluginRefused } from './plugin-refused';

/** One approved state of a plugin's files, in a folder that nobody changes any more. */
export interface StoredGeneration {
  readonly name: string;
  readonly version: string;
  readonly integrity: string;
  readonly folder: string;
}

const INCOMING = '.incoming';
const MACHINE = hostname().replace(/[^A-Za-z0-9.-]/g, '-');
/** Nobody copies for that long. */
const OLD_MS = 3_600_000;

/**
 * Keeps copies of approved plugins, `<home>/<name>/<version>-<first 8 digits of the hash>/`, read-only. Plugins run from here, so what lies in
 * the plugin folders may change or go at any time. Copies in use are counted; `prune` removes the others.
 */
export class GenerationStore {
  private readonly uses = new Map<string, number>();

  private constructor(private readonly home: string) {}

  static async open(home: string): Promise<GenerationStore> {
    await mkdir(home, { recursive: true });
    await removeLeftovers(join(home, INCOMING));
    return new GenerationStore(home);
  }

  folderOf(name: string, version: string, integrity: string): string {
    return join(this.home, name, `${version}-${integrity.slice('sha256-'.length, 'sha256-'.length + 8)}`);
  }

  /**
   * Copies a plugin, unless that very state is here already. What counts is the hash of the copy, so nothing that changes while it is
   * copied can slip in.
   * @throws PluginRefused when the copy is not what was approved
   */
  async put(folder: string, name: string, version: string, integrity: string): Promise<StoredGeneration> {
    const generation = { name, version, integrity, folder: this.folderOf(name, version, integrity) };
    if (await this.holds(generation)) return generation;
    return this.withCopy(folder, async (copy) => {
      const { integrity: found } = await fingerprint(copy);
      if (found !== integrity) throw new PluginRefused('changed', `the files of ${name} ${version} are no more those that were looked at: look at them again, and approve what you see then`);
      await mkdir(dirname(generation.folder), { recursive: true });
      await removeTree(generation.folder);
      await rename(copy, generation.folder);
      await makeReadOnly(generation.folder);
      return generation;
    });
  }

  /**
   * Hands out a copy for as long as the work takes. What is found out about a copy belongs together, whoever writes into the folder
   * meanwhile.
   */
  async withCopy<T>(folder: string, work: (copy: string) => Promise<T>): Promise<T> {
    const copy = join(this.home, INCOMING, `${MACHINE}_${process.pid}_${randomUUID()}`);
    try {
      await copyTree(folder, copy);
      return await work(copy);
    } finally {
      await removeTree(copy);
    }
  }

  /** @throws PluginRefused when the copy is gone or is not what it was: then the plugin must be put in again */
  async verify({ name, version, integrity, folder }: StoredGeneration): Promise<void> {
    const found = await fingerprint(folder).catch((error: unknown) => {
      throw new PluginRefused('generation-gone', `the stored copy of ${name} ${version} cannot be read`, error);
    });
    const foreign = await lstat(join(folder, SIGNATURE_FILE)).catch(() => undefined);
    if (found.integrity !== integrity || foreign !== undefined) throw new PluginRefused('generation-changed', `the stored copy of ${name} ${version} was changed after it was approved; it is not run`);
  }

  /** Says that a generation is in use. @returns a function that says that it is no more; a second call does nothing */
  acquire({ folder }: StoredGeneration): () => void {
    this.uses.set(folder, this.usesOf(folder) + 1);
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.uses.set(folder, this.usesOf(folder) - 1);
    };
  }

  usesOf(folder: string): number {
    return this.uses.get(folder) ?? 0;
  }

  /** Removes copies that are not in use and that `keep` does not want. @returns their folders */
  async prune(keep: (folder: string) => boolean): Promise<string[]> {
    const folders = await this.folders();
    const removed = folders.filter((folder) => this.usesOf(folder) === 0 && !keep(folder));
    for (const folder of removed) await removeTree(folder);
    return removed;
  }

  /** Folders of all copies. */
  async folders(): Promise<string[]> {
    const below = async (folder: string) => (await readdir(folder, { withFileTypes: true }).catch(() => [])).filter((entry) => entry.isDirectory() && entry.name !== INCOMING);
    const names = (await Promise.all((await below(this.home)).map(async ({ name }) => (name.startsWith('@') ? (await below(join(this.home, name))).map((inner) => join(name, inner.name)) : [name])))).flat();
    return (await Promise.all(names.map(async (name) => (await below(join(this.home, name))).map((entry) => join(this.home, name, entry.name))))).flat().sort();
  }

  private async holds({ folder, integrity }: StoredGeneration): Promise<boolean> {
    if ((await stat(folder).catch(() => undefined)) === undefined) return false;
    const found = await fingerprint(folder).catch(() => undefined);
    return found?.integrity === integrity;
  }
}

/** What earlier processes were copying when they died. Another host of the same home, here or elsewhere, may be copying right now. */
const removeLeftovers = async (incoming: string): Promise<void> => {
  for (const name of await readdir(incoming).catch(() => [])) {
    const path = join(incoming, name);
    const [machine, pid, id] = name.split('_');
    const isDead = id === undefined || (machine === MACHINE && !isAlive(Number(pid)));
    const is = await lstat(path).catch(() => undefined);
    if (is && (isDead || Date.now() - is.mtimeMs > OLD_MS)) await removeTree(path);
  }
  // Unless somebody's copy is in it.
  await rmdir(incoming).catch(() => {});
};

/** Links stay the links they are. The signature stays behind: the hash does not cover it, so it must not be there for code to load. */
const copyTree = async (from: string, to: string): Promise<void> => {
  await listTree(from);
  await mkdir(dirname(to), { recursive: true });
  await cp(from, to, { recursive: true, verbatimSymlinks: true, errorOnExist: true, force: false, filter: (path) => path !== join(from, SIGNATURE_FILE) });
};

const makeReadOnly = async (folder: string): Promise<void> => {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await makeReadOnly(path);
    else if (entry.isFile()) await chmod(path, 0o444);
  }
  await chmod(folder, 0o555);
};

/** Also what is read-only. */
const removeTree = async (folder: string): Promise<void> => {
  const makeWritable = async (path: string): Promise<void> => {
    await chmod(path, 0o755).catch(() => {});
    for (const entry of await readdir(path, { withFileTypes: true }).catch(() => [])) if (entry.isDirectory()) await makeWritable(join(path, entry.name));
  };
  if ((await stat(folder).catch(() => undefined)) === undefined) return;
  await makeWritable(folder);
  await rm(folder, { recursive: true, force: true });
};
