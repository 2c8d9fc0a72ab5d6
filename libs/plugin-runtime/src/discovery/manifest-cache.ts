import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { PluginManifest } from '@conductor/contracts';
import { z } from 'zod';
import type { FileStamp } from '../manifest/read-plugin';

/** Grows when manifests are read differently, so that nothing stays as an older Conductor understood it. */
const FORMAT = 1;

const Stamp = z.tuple([z.number(), z.number(), z.number()]);
const Entry = z.union([z.tuple([Stamp, z.literal('plugin'), z.record(z.string(), z.unknown())]), z.tuple([Stamp, z.literal('no plugin')])]);
const CacheFile = z.object({ format: z.literal(FORMAT), files: z.record(z.string(), Entry) });

export type Remembered = { plugin: PluginManifest } | { plugin: undefined };

const stampOf = ({ mtimeMs, ctimeMs, size }: FileStamp): z.output<typeof Stamp> => [mtimeMs, ctimeMs, size];
const same = (a: readonly number[], b: readonly number[]) => a.every((value, at) => value === b[at]);

/**
 * Remembers manifests by file, mtime, ctime and size, also across restarts. What was wrong is not remembered: it is read again until
 * it is mended. A cache file that is damaged or of another format counts as none.
 */
export class ManifestCache {
  private readonly files: Map<string, z.output<typeof Entry>>;
  private readonly asked = new Set<string>();
  private changed = false;

  private constructor(private readonly file: string | undefined, files: Record<string, z.output<typeof Entry>>) {
    this.files = new Map(Object.entries(files));
  }

  /** @param file without one it is kept in memory only */
  static async open(file?: string): Promise<ManifestCache> {
    if (file === undefined) return new ManifestCache(undefined, {});
    const text = await readFile(file, 'utf8').catch(() => '');
    try {
      return new ManifestCache(file, CacheFile.parse(JSON.parse(text)).files);
    } catch {
      return new ManifestCache(file, {});
    }
  }

  get(file: string, stamp: FileStamp): Remembered | undefined {
    this.asked.add(file);
    const entry = this.files.get(file);
    if (entry === undefined || !same(entry[0], stampOf(stamp))) return undefined;
    // It was checked before it was written here; the cache lies in the Conductor's own home.
    return { plugin: entry[1] === 'plugin' ? (entry[2] as PluginManifest) : undefined };
  }

  set(file: string, stamp: FileStamp, plugin: PluginManifest | undefined) {
    this.files.set(file, plugin === undefined ? [stampOf(stamp), 'no plugin'] : [stampOf(stamp), 'plugin', plugin]);
    this.changed = true;
  }

  forget(file: string) {
    this.changed = this.files.delete(file) || this.changed;
  }

  /** Forgets files that were not asked for since the last time, and writes what changed. A cache that cannot be written costs time only. */
  async save(): Promise<void> {
    for (const file of this.files.keys()) if (!this.asked.has(file)) this.forget(file);
    this.asked.clear();
    if (!this.changed || this.file === undefined) return;
    this.changed = false;
    const fresh = `${this.file}.${randomUUID()}`;
    try {
      await mkdir(dirname(this.file), { recursive: true });
      await writeFile(fresh, JSON.stringify({ format: FORMAT, files: Object.fromEntries(this.files) }), { mode: 0o600 });
      await rename(fresh, this.file);
    } catch {
      await rm(fresh, { force: true });
    }
  }
}
