import { readTextFile } from '@conductor/config';
import { z } from 'zod';
import { replaceFile } from '../files/replace-file';

const Secrets = z.record(z.string(), z.record(z.string(), z.string()));
type Secrets = z.output<typeof Secrets>;

/**
 * Secrets that people handed in for plugins, in a file that only this user may read. They go in and to the one plugin they are for; no
 * method shows them to anybody else.
 */
export class SecretStore {
  private changes: Promise<unknown> = Promise.resolve();

  constructor(private readonly path: string) {}

  async give(plugin: string, name: string, value: string): Promise<void> {
    await this.change((all) => {
      (all[plugin] ??= {})[name] = value;
    });
  }

  /** @returns whether there was one */
  async forget(plugin: string, name?: string): Promise<boolean> {
    let was = false;
    await this.change((all) => {
      const of = Object.hasOwn(all, plugin) ? all[plugin] : undefined;
      was = of !== undefined && (name === undefined || Object.hasOwn(of, name));
      if (name === undefined) delete all[plugin];
      else if (of) delete of[name];
    });
    return was;
  }

  async names(plugin: string): Promise<string[]> {
    return Object.keys(await this.of(plugin));
  }

  /** For the plugin's own process, and only those that it was granted. */
  async granted(plugin: string, granted: readonly string[]): Promise<Record<string, string>> {
    const given = await this.of(plugin);
    return Object.fromEntries(granted.flatMap((name) => (Object.hasOwn(given, name) ? [[name, given[name]!]] : [])));
  }

  /** Read anew each time: another plugin-host of the same home may have written. */
  private async of(plugin: string): Promise<Record<string, string>> {
    const all = await this.read();
    return Object.hasOwn(all, plugin) ? all[plugin]! : {};
  }

  private async read(): Promise<Secrets> {
    const text = await readTextFile(this.path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '{}';
      throw new Error(`${this.path} cannot be read (${error.code})`, { cause: error });
    });
    const parsed = Secrets.safeParse(parsedJson(text));
    // The text is not quoted: it holds secrets.
    if (!parsed.success) throw new Error(`${this.path} is damaged; remove it and hand the secrets in again`);
    return parsed.data;
  }

  private change(work: (all: Secrets) => void): Promise<void> {
    const changed = this.changes.then(async () => {
      const all = await this.read();
      work(all);
      await replaceFile(this.path, JSON.stringify(all));
    });
    this.changes = changed.catch(() => {});
    return changed;
  }
}

const parsedJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
