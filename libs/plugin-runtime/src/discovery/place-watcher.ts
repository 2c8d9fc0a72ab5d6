import { basename, join } from 'node:path';
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
    const roots = new Set(folders);
    const { watch } = await import('chokidar');
    if (this.closed) return;
    const paths = [...folders, ...nodeModules.map((path) => join(path, '.package-lock.json'))];
    this.watcher = watch(paths, {
      depth: DEPTH,
      ignoreInitial: true,
      ignorePermissionErrors: true,
      ignored: (path) => !roots.has(path) && !path.endsWith('/.package-lock.json') && [...roots].some((root) => path.startsWith(`${root}/`)) && (basename(path).startsWith('.') || basename(path) === 'node_modules'),
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
