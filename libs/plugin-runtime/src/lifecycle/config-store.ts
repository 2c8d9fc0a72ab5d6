import { readTextFile } from '@conductor/config';
import { z } from 'zod';
import { replaceFile } from '../files/replace-file';

const Configs = z.record(z.string(), z.record(z.string(), z.unknown()));
type Configs = z.output<typeof Configs>;

/**
 * Configurations that people gave plugins, in a file that only this user may read: their values may be as secret as secrets. What is wished
 * in Redis comes first; this is for when Redis has lost it. One plugin-host writes it at a time, the one that leads.
 */
export class ConfigStore {
  private changes: Promise<unknown> = Promise.resolve();

  constructor(private readonly path: string) {}

  /** By plugin, as JSON. @throws Error that says what is wrong with the file */
  async all(): Promise<Map<string, string>> {
    return new Map(Object.entries(await this.read()).map(([name, config]) => [name, JSON.stringify(config)]));
  }

  /** @param wished by plugin, as JSON; an empty one is none. Plugins that are not named keep theirs. */
  keep(wished: ReadonlyMap<string, string>): Promise<void> {
    const kept = this.changes.then(async () => {
      const before = await this.read();
      const next = new Map(Object.entries(before));
      for (const [name, config] of wished) next.set(name, JSON.parse(config) as Configs[string]);
      for (const [name, config] of next) if (Object.keys(config).length === 0) next.delete(name);
      const text = textOf(Object.fromEntries(next));
      if (text !== textOf(before)) await replaceFile(this.path, text);
    });
    this.changes = kept.catch(() => {});
    return kept;
  }

  private async read(): Promise<Configs> {
    const text = await readTextFile(this.path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '{}';
      throw new Error(`${this.path} cannot be read (${error.code})`, { cause: error });
    });
    const parsed = Configs.safeParse(parsedJson(text));
    // Neither the text nor what is said of it is quoted: it may hold secrets.
    if (!parsed.success) throw new Error(`${this.path} is damaged; remove it: configurations are kept anew from what Redis holds`);
    return parsed.data;
  }
}

const parsedJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const textOf = (configs: Configs) => `${JSON.stringify(configs, null, 2)}\n`;
