import type { Dirent } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

const BLOCK_BYTES = 512;
/** Looking costs no more than this share of the time. */
const SHARE = 0.02;

export interface DataFolderLimits {
  readonly bytes: number;
  /** Files and folders. */
  readonly entries: number;
}

/** How much a platform keeps in its data folder, looked at again and again while it runs: the kernel has no quota for a folder. */
export class DataFolderWatch {
  private timer?: NodeJS.Timeout;
  private closed = false;
  /** Why it is too much, as found at the latest look. */
  excess?: string | undefined;

  /** @param onExcess told each time it is found to hold too much */
  constructor(
    private readonly folder: string,
    private readonly limits: DataFolderLimits,
    private readonly everyMs: number,
    private readonly onExcess: (reason: string) => void,
  ) {
    this.again(everyMs);
  }

  /** Looks now. @returns why it is too much, undefined when it is not */
  async look(): Promise<string | undefined> {
    this.excess = await excessOf(this.folder, this.limits);
    return this.excess;
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
  }

  private again(ms: number): void {
    if (this.closed) return;
    this.timer = setTimeout(() => {
      const startedAt = performance.now();
      void this.look().then((excess) => {
        if (excess !== undefined && !this.closed) this.onExcess(excess);
        this.again(Math.max(this.everyMs, (performance.now() - startedAt) / SHARE));
      });
    }, ms).unref();
  }
}

/** Stops as soon as it has seen too much. Symbolic links count as themselves, and lead nowhere. */
const excessOf = async (folder: string, limits: DataFolderLimits): Promise<string | undefined> => {
  let [bytes, entries] = [0, 0];
  const waiting = [folder];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    let content: Dirent[];
    try {
      content = await readdir(at, { withFileTypes: true });
    } catch (error) {
      // Gone meanwhile is fine; closed to us is a way to hide.
      if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) continue;
      return `a folder in its data folder cannot be looked into (${(error as NodeJS.ErrnoException).code})`;
    }
    entries += content.length;
    if (entries > limits.entries) return `its data folder holds more than ${limits.entries} files and folders`;
    for (const entry of content) {
      const path = join(at, entry.name);
      if (entry.isDirectory()) waiting.push(path);
      const stats = await lstat(path).catch(() => undefined);
      bytes += (stats?.blocks ?? 0) * BLOCK_BYTES;
      if (bytes > limits.bytes) return `its data folder holds more than ${Math.round(limits.bytes / 1_048_576)} MB`;
    }
  }
  return undefined;
};
