import { join } from 'node:path';
import type { Approval, PluginInspection, PluginManifest, ScanReport, SignatureState, ValidPlugin } from '@conductor/contracts';
import { reservedPlatforms } from '@conductor/config';
import { compare } from 'semver';
import { problemOfUse } from '../manifest/config-check';
import { readManifestFile } from '../manifest/read-plugin';
import { type Fingerprint, fingerprint, listTree, SIGNATURE_FILE } from './file-tree';
import type { GenerationStore, StoredGeneration } from './generation-store';
import type { LockFile } from './lock-file';
import { fileChanges, permissionChanges, platformChanges } from './permission-changes';
import { PluginRefused } from './plugin-refused';
import { type TrustedKeys, signatureOf } from './signature';
import { scanPlugin } from './static-scan';

export interface ApprovalRules {
  readonly keys: TrustedKeys;
  /** Unsigned plugins are refused. */
  readonly strict: boolean;
  /** What reads the code. */
  readonly scan?: typeof scanPlugin;
}

/** What a person decides, having seen an inspection. */
export interface Decision {
  /** The hash that the inspection showed: what is approved is what was seen. */
  readonly integrity: string;
  readonly by: string;
  /** Of the secrets asked for, those that are granted. */
  readonly secrets: readonly string[];
  /** The person saw the critical findings and approves all the same. */
  readonly acceptFindings?: boolean;
}

export type RunPermit = { readonly approval: Approval; readonly generation: StoredGeneration };

/** Reports of scans that are kept. */
const MOST_SCANS = 100;

/** Decides which files of which plugin may run: those that a person approved, and no others. */
export class PluginApprovals {
  private readonly scans = new Map<string, ScanReport>();

  constructor(
    private readonly lock: LockFile,
    private readonly store: GenerationStore,
    private readonly rules: ApprovalRules,
  ) {}

  /**
   * Looks at a plugin as it lies there now. No code of it runs.
   * @throws PluginRefused when its files cannot be part of a plugin (too large, links that lead out …)
   */
  inspect(plugin: ValidPlugin): Promise<PluginInspection> {
    return this.store.withCopy(plugin.folder, (copy) => this.look(plugin, copy));
  }

  /**
   * Approves what an inspection showed, and keeps a copy of it to run from.
   * @throws PluginRefused when something stands against it, or the files are no more those that were seen
   */
  async approve(plugin: ValidPlugin, decision: Decision): Promise<RunPermit> {
    const { name, version, folder } = plugin;
    const generation = await this.store.put(folder, name, version, decision.integrity);
    try {
      const inspection = await this.look(plugin, generation.folder);
      refuseUnless(inspection, decision);
      const { files } = await fingerprint(generation.folder);
      const { integrity, permissions, platforms, signature } = inspection;
      const approval: Approval = {
        integrity, files, permissions, platforms, secrets: [...decision.secrets].sort(), approvedBy: decision.by, approvedAt: new Date().toISOString(),
        ...(signature.state === 'valid' && { signedBy: signature.key }),
      };
      await this.lock.approve(name, version, approval);
      return { approval, generation };
    } catch (error) {
      await this.store.prune((kept) => kept !== generation.folder || this.lock.approval(name, version)?.integrity === generation.integrity);
      throw error;
    }
  }

  /** What may run of this version, `undefined` when nothing was approved. Its copy is checked anew. @throws PluginRefused */
  async permit(name: string, version: string): Promise<RunPermit | undefined> {
    const approval = this.lock.approval(name, version);
    if (approval === undefined) return undefined;
    if (this.rules.strict && approval.signedBy === undefined) throw new PluginRefused('unsigned', `${name} ${version} is not signed, and strict mode runs signed plugins only`);
    if (this.rules.strict && !Object.hasOwn(this.rules.keys, approval.signedBy!)) throw new PluginRefused('key-gone', `${name} ${version} was signed with the key "${approval.signedBy}", which is not configured any more`);
    const generation = { name, version, integrity: approval.integrity, folder: this.store.folderOf(name, version, approval.integrity) };
    await this.store.verify(generation);
    return { approval, generation };
  }

  /** Takes an approval back. What runs is not touched by this. @returns whether there was one */
  revoke(name: string, version: string): Promise<boolean> {
    return this.lock.revoke(name, version);
  }

  /** All that is said of a plugin is read from one copy of it; only the signature, which no copy has, is read where it lies. */
  private async look({ name, version, folder }: ValidPlugin, copy: string): Promise<PluginInspection> {
    const tree = await listTree(copy);
    const print = await fingerprint(copy);
    const { permissions, platforms, config } = manifestIn(copy, name, version).conductor;
    const scan = await this.scanOnce(print.integrity, () => (this.rules.scan ?? scanPlugin)(copy, tree, permissions));
    const signature = await signatureOf(folder, print.integrity, this.rules.keys);
    const approved = this.lock.approval(name, version);
    const approval = approved === undefined ? 'never' : approved.integrity === print.integrity ? 'approved' : 'changed';
    const change = approval === 'approved' ? undefined : this.changeOf(name, version, print, { permissions, platforms });
    return {
      name, version, integrity: print.integrity, files: tree.length, bytes: print.bytes, permissions, platforms, scan, signature, approval, ...(change !== undefined && { change }),
      obstacles: [...reservedNamesIn(platforms), ...this.obstacles(scan, signature), ...schemaProblem(config)],
    };
  }

  /** The same files say the same: who approves what was just looked at does not wait for it again. */
  private async scanOnce(integrity: string, scan: () => Promise<ScanReport>): Promise<ScanReport> {
    const known = this.scans.get(integrity);
    if (known !== undefined) return known;
    const report = await scan();
    if (this.scans.size >= MOST_SCANS) this.scans.delete(this.scans.keys().next().value!);
    if (report.incomplete === undefined) this.scans.set(integrity, report);
    return report;
  }

  private changeOf(name: string, version: string, { files }: Fingerprint, { permissions, platforms }: Pick<PluginInspection, 'permissions' | 'platforms'>): PluginInspection['change'] {
    const approvals = this.lock.approvals(name).sort((a, b) => compare(b.version, a.version));
    const before = approvals.find((one) => one.version === version) ?? approvals[0];
    if (before === undefined) return undefined;
    return { since: before.version, files: fileChanges(before.approval.files, files), permissions: [...permissionChanges(before.approval.permissions, permissions), ...platformChanges(before.approval.platforms ?? platforms, platforms)] };
  }

  private obstacles(scan: ScanReport, signature: SignatureState): string[] {
    const contradiction = scan.findings.find(({ kind }) => kind === 'import-not-permitted');
    return [
      ...(signature.state === 'invalid' ? [`its signature (${SIGNATURE_FILE}) does not hold: ${signature.reason}`] : []),
      ...(signature.state === 'unsigned' && this.rules.strict ? ['it is not signed, and strict mode takes signed plugins only'] : []),
      ...(contradiction === undefined ? [] : [`${contradiction.file} ${contradiction.message}`]),
    ];
  }
}

/** Rights are those of the very manifest that is hashed, whatever discovery read before. */
const manifestIn = (copy: string, name: string, version: string): PluginManifest => {
  const read = readManifestFile(join(copy, 'package.json'));
  if (read === undefined || !('manifest' in read)) throw new PluginRefused('changed', `the manifest of ${name} ${version} was changed and is not valid any more`);
  const { manifest } = read;
  if (manifest.name !== name || manifest.version !== version) throw new PluginRefused('changed', `what was ${name} ${version} says now that it is ${manifest.name} ${manifest.version}`);
  return manifest;
};

/** Also while the app is silent or was never started: what is sent to it is not for a third party. */
const reservedNamesIn = (platforms: readonly string[]): string[] =>
  platforms.flatMap((platform) => {
    const app = reservedPlatforms().get(platform);
    return app === undefined ? [] : [`conductor.platforms: "${platform}" is the platform of the app ${app} and reserved for it; choose another name`];
  });

/** A pattern or a reference in it may be one that nobody can follow. */
const schemaProblem = (schema: Record<string, unknown>): string[] => {
  const problem = problemOfUse(schema);
  return problem === undefined ? [] : [`conductor.config cannot be used: ${problem}`];
};

const refuseUnless = ({ name, version, obstacles, scan, permissions }: PluginInspection, { acceptFindings, secrets }: Decision) => {
  const [obstacle] = obstacles;
  if (obstacle !== undefined) throw new PluginRefused('not-approvable', `${name} ${version} cannot be approved: ${obstacle}`);
  const critical = scan.findings.filter(({ severity }) => severity === 'critical');
  if (!acceptFindings && (critical.length > 0 || scan.incomplete !== undefined)) {
    const first = scan.incomplete ?? `${critical[0]!.file} ${critical[0]!.message}`;
    throw new PluginRefused('findings', `the code of ${name} ${version} needs a look first (${Math.max(critical.length, 1)} critical: ${first}). Approve it with acceptFindings when you have seen them`);
  }
  const foreign = secrets.find((secret) => !permissions.secrets.includes(secret));
  if (foreign !== undefined) throw new PluginRefused('secret-not-asked-for', `${name} ${version} does not ask for the secret ${foreign}`);
};
