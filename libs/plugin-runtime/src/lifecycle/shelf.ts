import { join } from 'node:path';
import { compare, rcompare } from 'semver';
import type { PluginManifest, PluginRelease, ValidPlugin } from '@conductor/contracts';
import type { GenerationStore } from '../approval/generation-store';
import type { LockFile } from '../approval/lock-file';
import type { PluginCatalogue } from '../discovery/plugin-catalogue';
import { readManifestFile } from '../manifest/read-plugin';
import type { Release } from '../resolution/release';

export interface OnShelf {
  readonly name: string;
  readonly version: string;
  readonly manifest: PluginManifest;
  /** As discovery found it; absent when only the approved copy is left. */
  readonly found?: ValidPlugin;
}

/** Every version of every plugin that could run: those that lie in the plugin folders, and copies of those that lay there once. */
export class Shelf {
  /** Manifests of copies by folder; a copy never changes. */
  private readonly copies = new Map<string, PluginManifest | undefined>();

  constructor(
    private readonly catalogue: PluginCatalogue,
    private readonly lock: LockFile,
    private readonly store: GenerationStore,
  ) {}

  /** The newest first. */
  versionsOf(name: string): OnShelf[] {
    return this.withCopies(name, this.catalogue.valid.filter((one) => one.name === name));
  }

  find(name: string, version: string): OnShelf | undefined {
    return this.versionsOf(name).find((one) => one.version === version);
  }

  /** Of all plugins, as a resolution wants them. */
  releases(): Release[] {
    // Looked through once, however many there are.
    const lying = Map.groupBy(this.catalogue.valid, ({ name }) => name);
    const all = this.names().flatMap((name) => this.withCopies(name, lying.get(name) ?? []));
    return all.map(({ name, version, manifest: { conductor } }) => ({ name, version, dependsOn: conductor.dependsOn, provides: conductor.provides, needs: conductor.needs }));
  }

  /** Also those of which only something that cannot be used lies there. */
  names(): string[] {
    const found = this.catalogue.list.flatMap(({ name }) => (name === undefined ? [] : [name]));
    return [...new Set([...found, ...this.lock.names])].sort();
  }

  newestApproved(name: string): string | undefined {
    return this.lock.approvals(name).map(({ version }) => version).sort(compare).at(-1);
  }

  views(name: string): PluginRelease[] {
    return this.versionsOf(name).map(({ version, found }) => {
      const approval = this.lock.approval(name, version);
      return {
        version,
        ...(found && { folder: found.folder }),
        source: found?.source ?? 'copy',
        approved: approval !== undefined,
        ...(approval && { integrity: approval.integrity }),
        uses: approval === undefined ? 0 : this.store.usesOf(this.store.folderOf(name, version, approval.integrity)),
      };
    });
  }

  private withCopies(name: string, lying: readonly ValidPlugin[]): OnShelf[] {
    const found = lying.map((one): OnShelf => ({ name, version: one.version, manifest: one.manifest, found: one }));
    const copied = this.lock
      .approvals(name)
      .filter(({ version }) => !found.some((one) => one.version === version))
      .map(({ version, approval }) => ({ name, version, manifest: this.manifestOf(this.store.folderOf(name, version, approval.integrity)) }));
    return [...found, ...copied.flatMap(({ manifest, ...one }) => (manifest === undefined ? [] : [{ ...one, manifest }]))].sort((a, b) => rcompare(a.version, b.version));
  }

  private manifestOf(folder: string): PluginManifest | undefined {
    if (!this.copies.has(folder)) {
      const read = readManifestFile(join(folder, 'package.json'));
      this.copies.set(folder, read !== undefined && 'manifest' in read ? read.manifest : undefined);
    }
    return this.copies.get(folder);
  }
}
