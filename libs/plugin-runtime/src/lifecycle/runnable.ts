import { join } from 'node:path';
import type { Approval, PluginManifest, PluginPermissions } from '@conductor/contracts';
import type { StoredGeneration } from '../approval/generation-store';
import type { RunPermit } from '../approval/plugin-approvals';
import { PluginRefused } from '../approval/plugin-refused';
import { readManifestFile } from '../manifest/read-plugin';
import type { GenerationSpec } from '../sandbox/spec';

/** One approved version of a plugin, with all that is needed to run it. Its files are a copy that nobody changes. */
export interface Runnable {
  readonly name: string;
  readonly version: string;
  readonly manifest: PluginManifest;
  readonly approval: Approval;
  readonly copy: StoredGeneration;
}

/** The manifest is the copy's: what lies in the plugin folder by now does not matter. @throws PluginRefused */
export const runnableOf = ({ approval, generation }: RunPermit): Runnable => {
  const read = readManifestFile(join(generation.folder, 'package.json'));
  if (read === undefined || !('manifest' in read)) throw new PluginRefused('generation-changed', `the stored copy of ${generation.name} ${generation.version} has no manifest that can be read`);
  return { name: generation.name, version: generation.version, manifest: read.manifest, approval, copy: generation };
};

let opened = 0;

export const specOf = ({ name, version, manifest, approval, copy }: Runnable, platform: string, config: unknown, secrets: Readonly<Record<string, string>>): GenerationSpec => ({
  id: `${platform}-${version}-${copy.integrity.slice('sha256-'.length, 'sha256-'.length + 4)}${(++opened).toString(36)}`.replaceAll('+', '-'),
  plugin: name,
  version,
  platform,
  folder: copy.folder,
  settings: manifest.conductor,
  granted: grantedTo(approval),
  config,
  secrets,
  // Approvals name the platforms since then.
  adoptsStorage: approval.platforms === undefined,
});

export const grantedTo = ({ permissions, secrets }: Approval): PluginPermissions => ({ ...permissions, secrets: permissions.secrets.filter((name) => secrets.includes(name)) });
