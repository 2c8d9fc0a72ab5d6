import type { IsolationLayer } from '@conductor/config';
import type { DataFolderLimits } from './process/data-folder-watch';
import type { PluginPermissions, PluginSettings } from '@conductor/contracts';

/** One immutable version of one platform of a plugin, as it is to be run. */
export interface GenerationSpec {
  /** Unique and usable as a folder's name, e.g. `telegram-1.2.0-5c1f`. */
  readonly id: string;
  readonly plugin: string;
  readonly version: string;
  readonly platform: string;
  /** Absolute, with symbolic links followed; nothing in it changes any more. */
  readonly folder: string;
  readonly settings: PluginSettings;
  /** What a person granted of what the manifest asks for. */
  readonly granted: PluginPermissions;
  /** Checked against the manifest's schema. */
  readonly config: unknown;
  /** Those of the manifest's secrets that were granted, by name. They reach the process over the protocol only. */
  readonly secrets: Readonly<Record<string, string>>;
  /** It was approved before storage belonged to plugins, so what lies under the platform's name is its own. */
  readonly adoptsStorage?: boolean;
}

/** How plugins are run on this machine. Times in milliseconds. */
export interface SandboxSettings {
  /** Below it each generation has its folders. */
  readonly folder: string;
  /** Third-party code runs only where every wall stands. */
  readonly strict: boolean;
  /** Layers of isolation that may be missing on this machine while plugins run all the same. */
  readonly allowMissing: readonly IsolationLayer[];
  /** Special ranges of addresses that names granted to plugins may lead to. */
  readonly egressAllowed: readonly string[];
  /** A lazy plugin that had nothing to do for this long is unloaded, unless its manifest says otherwise. */
  readonly idleUnloadMs: number;
  /** Longest start of a process: loading its code and `initialize`. */
  readonly startMs: number;
  readonly shutdownMs: number;
  /** Longest time a plugin gets to hear that one it depends on has changed. */
  readonly tellMs: number;
  /** Largest frame that a process may send, an answer for instance. */
  readonly maxFrameBytes: number;
  /** What a platform may keep in its data folder, and how often that is looked at. */
  readonly dataFolder: DataFolderLimits & { readonly everyMs: number };
  /** How often memory, processor time and event loop are looked at. */
  readonly watchMs: number;
  /** First pause before a process that ended by itself is started again; doubles to 30 s. */
  readonly restartBaseMs: number;
  /** So many unwanted ends within a minute, and a person must look. */
  readonly quarantineAfter: number;
  /** A process that has no work for this long and uses more than that share of a core all the same is ended. */
  readonly idleSpinMs: number;
  readonly idleSpinShare: number;
}

export const sandboxSettings = (given: Partial<SandboxSettings> & Pick<SandboxSettings, 'folder'>): SandboxSettings => ({
  strict: false,
  allowMissing: [],
  egressAllowed: [],
  idleUnloadMs: 300_000,
  startMs: 10_000,
  shutdownMs: 3_000,
  tellMs: 5_000,
  maxFrameBytes: 1_048_576,
  dataFolder: { bytes: 512 * 1_048_576, entries: 20_000, everyMs: 2_000 },
  watchMs: 250,
  restartBaseMs: 500,
  quarantineAfter: 5,
  idleSpinMs: 10_000,
  idleSpinShare: 0.8,
  ...given,
});
