import { existsSync, lstatSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { FSWatcher } from 'chokidar' with { 'resolution-mode': 'import' };
import type { Places } from './scan';

/** `@acme/telegram/1.2.0/package.json` and one level more. */
const DEPTH = 5;
/** How often it is looked again when not everything can be watched, e.g. when the system allows no more watches. */
const POLL_MS = 5_000;

export interface Watched {
  changed(path: string): void;
  failed(error: unknown): void;
}

/** Notices changes in plugin folders, and installations into `node_modules` by the file that npm writes at the end of each. */
export class PlaceWatcher {
  private watcher?: FSWatcher;
  private poll?: NodeJS.Timeout;
  private closed = false;
  private readonly opening: Promise<void>;

  constructor(
    places: Places,
    private readonly watched: Watched,
  ) {
    this.opening = this.open(places);
  }

  ready(): Promise<void> {
    return this.opening;
  }

  async close(): Promise<void> {
    this.closed = true;
    clearInterval(this.poll);
    await this.opening;
    clearInterval(this.poll);
    await this.watcher?.close();
  }

  private async open({ folders, nodeModules }: Places): Promise<void> {
    const { watch } = await import('chokidar');
    if (this.closed) return;
    const paths = [...folders, ...nodeModules.map((path) => join(path, '.package-lock.json'))];
    this.watcher = watch(paths, {
      depth: DEPTH,
      ignoreInitial: true,
      ignorePermissionErrors: true,
      ignored: (path) => {
        const root = folders.find((each) => path.startsWith(`${each}/`));
        if (root === undefined || path.endsWith('/.package-lock.json') || folders.includes(path)) return false;
        return basename(path).startsWith('.') || basename(path) === 'node_modules' || leadsOut(path, root);
      },
    });
    this.watcher.on('all', (_, path) => this.watched.changed(path));
    this.watcher.on('error', (error) => this.fallBack(error));
    await new Promise<void>((resolve) => this.watcher!.once('ready', resolve));
  }

  private fallBack(error: unknown) {
    if (this.poll !== undefined || this.closed) return;
    this.watched.failed(error);
    this.poll = setInterval(() => this.watched.changed(''), POLL_MS);
    this.poll.unref();
  }
}

/** A link inside of a plugin: what it leads to is not the plugin's, and may be the whole disk. A plugin's folder itself may be one. */
const leadsOut = (path: string, root: string): boolean => {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return false;
  for (let above = dirname(path); above.startsWith(`${root}/`); above = dirname(above)) if (existsSync(join(above, 'package.json'))) return true;
  return false;
};
