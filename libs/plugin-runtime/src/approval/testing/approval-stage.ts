import { execFileSync } from 'node:child_process';
import type { ValidPlugin } from '@conductor/contracts';
import { PluginCatalogue } from '../../discovery/plugin-catalogue';
import { manifestOf, PluginTree, SHOUTING_ENTRY } from '../../testing/plugin-tree';
import { GenerationStore } from '../generation-store';
import { LockFile } from '../lock-file';
import { type ApprovalRules, PluginApprovals } from '../plugin-approvals';

/** Reading code takes a process of its own; most tests of approvals are not about code. */
const unread: ApprovalRules['scan'] = async () => ({ files: 0, imports: [], findings: [], tookMs: 0 });

/** A plugin folder and a home, with what approves plugins between them. */
export class ApprovalStage {
  readonly tree = new PluginTree();

  readonly setUp = async (rules: Partial<ApprovalRules> = {}) => {
    const lock = await LockFile.open(this.tree.path('home/conductor.lock.json'));
    const store = await GenerationStore.open(this.tree.path('home/plugins'));
    return { lock, store, approvals: new PluginApprovals(lock, store, { keys: {}, strict: false, scan: unread, ...rules }) };
  };

  readonly found = async (name: string, version = '1.0.0'): Promise<ValidPlugin> => {
    const catalogue = await PluginCatalogue.open({ folders: [this.tree.path('plugins')], nodeModules: [] });
    return catalogue.find(name, version)!;
  };

  readonly plugin = (name: string, files: Record<string, string | Buffer> = {}, conductor: Record<string, unknown> = {}, version = '1.0.0') => {
    this.tree.plugin(`plugins/${name}-${version}`, manifestOf(name, version, conductor), { 'index.js': SHOUTING_ENTRY, ...files });
    return this.found(name, version);
  };

  readonly approve = async (one: ValidPlugin, approvals: PluginApprovals, secrets: string[] = []) => approvals.approve(one, { integrity: (await approvals.inspect(one)).integrity, by: 'anna', secrets });

  close(): void {
    // Generations are read-only.
    execFileSync('chmod', ['-R', 'u+w', this.tree.root]);
    this.tree.remove();
  }
}
