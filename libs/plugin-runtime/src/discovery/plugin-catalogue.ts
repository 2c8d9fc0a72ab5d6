import { isDeepStrictEqual } from 'node:util';
import type { PluginCandidate, ValidPlugin } from '@conductor/contracts';
import { ManifestCache } from './manifest-cache';
import { Quiet } from './quiet';
import { type Places, scan } from './scan';
import { PlaceWatcher } from './place-watcher';

export interface CatalogueOptions extends Places {
  /** Where manifests are remembered across restarts. */
  readonly cacheFile?: string;
  /** Changes are looked at when nothing moved for this long. */
  readonly quietMs?: number;
  /** Gets what the watcher could not do; discovery goes on by looking again from time to time. */
  readonly onWatchError?: (error: unknown) => void;
}

/** What is different since the list before, by folder. */
export interface CatalogueChange {
  readonly added: readonly PluginCandidate[];
  readonly removed: readonly PluginCandidate[];
  /** Its manifest, state or problems are others than before. */
  readonly changed: ReadonlyArray<{ before: PluginCandidate; after: PluginCandidate }>;
  /** Some other file of it changed: what was approved may be no more what lies there. */
  readonly touched: readonly PluginCandidate[];
}

const QUIET_MS = 300;
const LONGEST_MS = 5_000;
/** Folders that are being written are looked at again after this time, whether or not something was noticed. */
const AGAIN_MS = 1_000;

/** Every plugin that lies on this machine, kept up to date while it watches. */
export class PluginCatalogue {
  private candidates: readonly PluginCandidate[] = [];
  private readonly listeners = new Set<(change: CatalogueChange) => void>();
  private readonly touchedFiles = new Set<string>();
  private scanning?: Promise<CatalogueChange>;
  private again?: Promise<CatalogueChange>;
  private watcher?: PlaceWatcher;
  private quiet?: Quiet;
  private recheck?: NodeJS.Timeout;
  private closed = false;

  private constructor(
    private readonly options: CatalogueOptions,
    private readonly cache: ManifestCache,
  ) {}

  /** Looks once; `watch` keeps looking. */
  static async open(options: CatalogueOptions): Promise<PluginCatalogue> {
    const catalogue = new PluginCatalogue(options, await ManifestCache.open(options.cacheFile));
    await catalogue.rescan();
    return catalogue;
  }

  get list(): readonly PluginCandidate[] {
    return this.candidates;
  }

  /** Those that can be resolved and run. */
  get valid(): ValidPlugin[] {
    return this.candidates.filter((one) => one.state === 'valid');
  }

  find(name: string, version: string): ValidPlugin | undefined {
    return this.valid.find((one) => one.name === name && one.version === version);
  }

  /** @returns a function that ends it */
  onChange(listener: (change: CatalogueChange) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Looks again now. Whoever asks while a look is under way gets one that begins after it. */
  rescan(): Promise<CatalogueChange> {
    if (this.scanning === undefined) return (this.scanning = this.scanNow().finally(() => (this.scanning = undefined)));
    this.again ??= this.scanning.then(
      () => this.next(),
      () => this.next(),
    );
    return this.again;
  }

  /** Resolves when everything is watched. */
  async watch(): Promise<void> {
    if (this.watcher !== undefined || this.closed) return;
    this.quiet = new Quiet(this.options.quietMs ?? QUIET_MS, LONGEST_MS, () => this.lookAgain());
    this.watcher = new PlaceWatcher(this.options, {
      changed: (path) => {
        this.touchedFiles.add(path);
        this.quiet?.stir();
      },
      failed: (error) => this.options.onWatchError?.(error),
    });
    await this.watcher.ready();
    // What changed between the first look and now went unnoticed.
    await this.rescan();
  }

  async close(): Promise<void> {
    this.closed = true;
    this.quiet?.close();
    clearTimeout(this.recheck);
    await this.watcher?.close();
    this.listeners.clear();
    await this.again?.catch(() => {});
    await this.scanning?.catch(() => {});
  }

  private next(): Promise<CatalogueChange> {
    this.again = undefined;
    return this.rescan();
  }

  private lookAgain() {
    this.rescan().catch((error: unknown) => this.options.onWatchError?.(error));
  }

  private async scanNow(): Promise<CatalogueChange> {
    const paths = [...this.touchedFiles];
    this.touchedFiles.clear();
    const before = new Map(this.candidates.map((one) => [one.folder, one]));
    this.candidates = await scan(this.options, this.cache);
    const after = new Map(this.candidates.map((one) => [one.folder, one]));
    const common = this.candidates.flatMap((one) => (before.has(one.folder) ? [{ before: before.get(one.folder)!, after: one }] : []));
    const [same, changed] = [common.filter(isSame), common.filter((pair) => !isSame(pair))];
    const change: CatalogueChange = {
      added: this.candidates.filter(({ folder }) => !before.has(folder)),
      removed: [...before.values()].filter(({ folder }) => !after.has(folder)),
      changed,
      touched: same.map((pair) => pair.after).filter(({ folder }) => paths.some((path) => path.startsWith(`${folder}/`))),
    };
    this.recheckUnfinished();
    if (change.added.length + change.removed.length + change.changed.length + change.touched.length > 0) for (const listener of this.listeners) listener(change);
    return change;
  }

  private recheckUnfinished() {
    clearTimeout(this.recheck);
    const unfinished = this.candidates.some(({ state }) => state === 'being-written');
    if (!unfinished || this.watcher === undefined || this.closed) return;
    this.recheck = setTimeout(() => this.lookAgain(), AGAIN_MS);
    this.recheck.unref();
  }
}

const isSame = ({ before, after }: { before: PluginCandidate; after: PluginCandidate }) => isDeepStrictEqual(before, after);
