import { readTextFile } from '@conductor/config';
import { type Approval, PluginLock } from '@conductor/contracts';
import { z } from 'zod';
import { replaceFile } from '../files/replace-file';

const EMPTY: PluginLock = { format: 1, plugins: {} };

/**
 * `conductor.lock.json`: which versions were approved, with which files and rights, by whom; and which version is in use. One process writes it
 * at a time (the active conductor); others read.
 */
export class LockFile {
  private content: PluginLock = EMPTY;
  /** Changes happen one after the other. */
  private changes: Promise<unknown> = Promise.resolve();

  private constructor(readonly path: string) {}

  /** @throws Error that says what is wrong with the file: approvals are never guessed */
  static async open(path: string): Promise<LockFile> {
    const lock = new LockFile(path);
    await lock.reload();
    return lock;
  }

  async reload(): Promise<void> {
    this.content = await read(this.path);
  }

  approval(name: string, version: string): Approval | undefined {
    const approved = this.plugin(name)?.approved;
    return approved !== undefined && Object.hasOwn(approved, version) ? approved[version] : undefined;
  }

  /** Approved versions of a plugin. */
  approvals(name: string): Array<{ version: string; approval: Approval }> {
    return Object.entries(this.plugin(name)?.approved ?? {}).map(([version, approval]) => ({ version, approval }));
  }

  /** Plugins of which some version was approved. */
  get names(): string[] {
    return Object.keys(this.content.plugins);
  }

  /** Versions in use, by plugin: what a resolution should keep. */
  get versions(): Map<string, string> {
    return new Map(Object.entries(this.content.plugins).flatMap(([name, { version }]) => (version === undefined ? [] : [[name, version] as const])));
  }

  approve(name: string, version: string, approval: Approval): Promise<void> {
    return this.change((plugins) => {
      const plugin = (plugins[name] ??= { approved: {} });
      plugin.approved[version] = approval;
    });
  }

  /** @returns whether there was something to take back */
  async revoke(name: string, version: string): Promise<boolean> {
    const was = this.approval(name, version) !== undefined;
    await this.change((plugins) => {
      const plugin = Object.hasOwn(plugins, name) ? plugins[name] : undefined;
      if (plugin === undefined) return;
      delete plugin.approved[version];
      if (plugin.version === version) delete plugin.version;
      if (Object.keys(plugin.approved).length === 0) delete plugins[name];
    });
    return was;
  }

  /** @param version `undefined` when none is in use any more */
  use(name: string, version: string | undefined): Promise<void> {
    return this.change((plugins) => {
      const plugin = Object.hasOwn(plugins, name) ? plugins[name] : undefined;
      if (plugin === undefined) return;
      if (version === undefined) delete plugin.version;
      else plugin.version = version;
    });
  }

  private plugin(name: string) {
    return Object.hasOwn(this.content.plugins, name) ? this.content.plugins[name] : undefined;
  }

  private change(work: (plugins: PluginLock['plugins']) => void): Promise<void> {
    const changed = this.changes.then(async () => {
      const next = structuredClone(this.content);
      work(next.plugins);
      await replaceFile(this.path, `${JSON.stringify(next, null, 2)}\n`);
      this.content = next;
    });
    this.changes = changed.catch(() => {});
    return changed;
  }
}

const read = async (path: string): Promise<PluginLock> => {
  const text = await readTextFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new Error(`${path} cannot be read (${error.code}): no plugin runs before it can`, { cause: error });
  });
  if (text === undefined) return structuredClone(EMPTY);
  try {
    return PluginLock.parse(JSON.parse(text));
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    throw new Error(`${path} is damaged, so it is not known which plugins were approved. Put the right file back, or remove it and approve them again. ${why}`, { cause: error });
  }
};
