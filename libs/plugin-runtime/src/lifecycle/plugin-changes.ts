import { setTimeout as pause } from 'node:timers/promises';
import { satisfies } from 'semver';
import type { PluginCommand, SwapReport } from '@conductor/contracts';
import { type BoxKey, CommandRefused } from '@conductor/control';
import { checkPluginConfig } from '../manifest/config-check';
import type { PluginRegistry } from './plugin-registry';
import type { PluginSwaps } from './plugin-swaps';
import { at, notThere, refuse } from './refusals';
import { missingSecrets } from './secrets-in-use';
import { reasonOf } from './swap-failed';

/** The conductor lets platforms start one after the other. */
const PERMIT_MS = 5_000;
const START_MS = 15_000;

type Ask<Do extends PluginCommand['do']> = Extract<PluginCommand, { do: Do }>;

/** What people change about plugins, on the host that leads. Others see the wish that this leaves, and follow. */
export class PluginChanges {
  constructor(
    private readonly registry: PluginRegistry,
    private readonly swaps: PluginSwaps,
    private readonly box: BoxKey,
  ) {}

  private get parts() {
    return this.registry.parts;
  }

  async approve({ name, version, integrity, secrets, acceptFindings, by }: Ask<'approve'>) {
    return this.registry.exclusively(name, `${version} is being approved`, async () => {
      const found = this.parts.catalogue.find(name, version);
      if (!found) throw new CommandRefused('not-found', `${name} ${version} does not lie in any plugin folder, or is not valid: see GET ${at(name)}.`);
      const { approval } = await this.parts.approvals.approve(found, { integrity, by, secrets, acceptFindings }).catch(refuse);
      this.registry.forgive(name);
      this.parts.tell({ plugin: name, event: 'approved', version, reason: `files ${approval.integrity}; secrets granted: ${approval.secrets.join(', ') || 'none'}`, by });
      return { ...approval, missing: missingSecrets(name, approval.permissions.secrets, approval.secrets, await this.parts.secrets.names(name)) };
    });
  }

  async revoke({ name, version, by }: Ask<'revoke'>) {
    if (this.registry.running.get(name)?.version === version) throw new CommandRefused('conflict', `${name} ${version} is running. Unload it or swap it for another version first.`);
    if (!(await this.parts.approvals.revoke(name, version))) throw new CommandRefused('not-found', `Nobody has approved ${name} ${version}.`);
    this.parts.tell({ plugin: name, event: 'revoked', version, reason: 'its approval was taken back', by });
  }

  /** It takes effect with the next start; a running plugin is started anew beside itself, as in a swap. */
  async configure({ name, config, by }: Ask<'configure'>) {
    const version = this.registry.running.get(name)?.version ?? this.registry.wishedVersion(name) ?? this.parts.shelf.versionsOf(name)[0]?.version;
    const release = version === undefined ? undefined : this.parts.shelf.find(name, version);
    if (!release) throw notThere(name);
    const checked = checkPluginConfig(release.manifest.conductor.config, config);
    if (!checked.ok) throw new CommandRefused('invalid-request', `This configuration does not fit ${name} ${version}.`, checked.problems.map((message) => ({ field: 'config', message })));
    const text = JSON.stringify(config);
    // One that it cannot live with must not meet it at its next start.
    if (this.registry.running.has(name)) await this.swaps.swap({ do: 'swap', name, version: version!, by }, { config: text, why: `configured by ${by}` });
    else await this.parts.wishes.wish(name, { config: text, by });
    this.registry.forgive(name);
    this.parts.tell({ plugin: name, event: 'configured', reason: `set: ${Object.keys(config).join(', ') || 'nothing'}`, by });
    await this.registry.backup.keep();
  }

  async giveSecret({ name, secret, sealed, by }: Ask<'give-secret'>) {
    const asked = this.parts.shelf.versionsOf(name).some(({ manifest }) => manifest.conductor.permissions.secrets.includes(secret));
    if (!asked) throw new CommandRefused('not-found', `No version of ${name} asks for a secret ${secret}.`);
    let value: string;
    try {
      value = this.box.open(sealed);
    } catch {
      throw new CommandRefused('conflict', 'The secret was sealed for a plugin-host that is gone. Hand it in again.');
    }
    await this.parts.secrets.give(name, secret, value);
    this.registry.forgive(name);
    this.parts.tell({ plugin: name, event: 'secret-given', reason: secret, by });
    void this.registry.follow();
  }

  async forgetSecret({ name, secret, by }: Ask<'forget-secret'>) {
    if (!(await this.parts.secrets.forget(name, secret))) throw new CommandRefused('not-found', `No secret ${secret} was handed in for ${name}.`);
    this.parts.tell({ plugin: name, event: 'secret-forgotten', reason: secret, by });
  }

  /** Takes a plugin into use, with those that it asks for. */
  async load({ name, version, by }: Ask<'load'>): Promise<void> {
    const running = this.registry.running.get(name);
    const wanted = version ?? running?.version ?? this.registry.wishedVersion(name);
    if (wanted === undefined) throw await this.nothingApproved(name);
    if (running && running.version !== wanted) throw new CommandRefused('conflict', `${name} ${running.version} is running. POST ${at(name)}/swap takes it to ${wanted}.`);
    const plan = await this.swaps.plan(name, wanted, 'plugin-conflict');
    for (const one of plan.chosen) await this.swaps.approvedAsItLies(one.name, one.version);
    for (const one of plan.chosen) {
      this.registry.forgive(one.name);
      const reason = one.name === name ? 'taken into use' : `${name} ${wanted} asks for it`;
      await this.parts.wishes.wish(one.name, { enabled: true, release: one.version, reason, by });
    }
    await this.registry.follow();
    await this.awake(name, plan.chosen.map((one) => one.name));
  }

  /** Takes it out of use: it finishes what it has in hand. Its messages wait, or go to their fallbacks. */
  async unload({ name, by }: Ask<'unload'>): Promise<void> {
    await this.notNeeded(name);
    await this.registry.exclusively(name, 'it is being unloaded', async () => {
      await this.parts.wishes.wish(name, { enabled: false, reason: `unloaded by ${by}`, by });
      await this.switchOff(name);
      await this.registry.stop(name, `unloaded by ${by}`);
      await this.registry.noteUse(name, undefined);
    });
  }

  swap(command: Ask<'swap'>): Promise<SwapReport> {
    return this.swaps.swap(command);
  }

  rollback(command: Ask<'rollback'>): Promise<SwapReport> {
    return this.swaps.rollback(command);
  }

  /** Takes it out of use, and forgets its approvals, copies, secrets and configuration. What lies in the plugin folder is not ours to delete. */
  async remove({ name, by }: Ask<'remove'>): Promise<void> {
    if (!this.parts.shelf.names().includes(name)) throw notThere(name);
    await this.notNeeded(name);
    await this.registry.exclusively(name, 'it is being removed', async () => {
      await this.parts.wishes.wish(name, { enabled: false, release: null, previous: null, config: null, reason: `removed by ${by}`, by });
      await this.switchOff(name);
      await this.registry.stop(name, `removed by ${by}`);
      for (const { version } of this.parts.lock.approvals(name)) await this.parts.approvals.revoke(name, version);
      await this.parts.secrets.forget(name);
      await this.registry.backup.keep();
      const kept = new Set(this.parts.lock.names.flatMap((other) => this.parts.lock.approvals(other).map(({ version, approval }) => this.parts.store.folderOf(other, version, approval.integrity))));
      await this.parts.store.prune((folder) => kept.has(folder));
      this.parts.tell({ plugin: name, event: 'removed', reason: 'with its approvals, secrets and configuration', by });
    });
  }

  private async switchOff(name: string): Promise<void> {
    for (const platform of this.registry.running.get(name)?.platforms.keys() ?? []) await this.parts.switches.off(platform);
  }

  private async notNeeded(name: string): Promise<void> {
    const asking = [...this.registry.running.values()].filter((plugin) => Object.hasOwn(plugin.runnable.manifest.conductor.dependsOn, name) && satisfies(this.registry.running.get(name)?.version ?? '0.0.0', '*'));
    if (asking.length > 0) throw new CommandRefused('plugin-needed', `${asking.map((plugin) => `${plugin.name} ${plugin.version}`).join(', ')} cannot do without ${name}. Unload ${asking.length === 1 ? 'it' : 'them'} first.`);
  }

  private async nothingApproved(name: string) {
    const [newest] = this.parts.shelf.versionsOf(name);
    return newest ? new CommandRefused('plugin-not-approved', `Nobody approved any version of ${name}. Look at one (GET ${at(name)}/inspection?version=${newest.version}), then approve it.`) : notThere(name);
  }

  /** Told to load it, a lazy plugin has its process, too: what is wrong with it shows now, and not with the first message. */
  private async awake(name: string, chosen: readonly string[]): Promise<void> {
    const isStarting = (one: string) => this.registry.running.get(one)?.states().some(({ state }) => state === 'registered' || state === 'starting') ?? false;
    for (const until = Date.now() + PERMIT_MS; Date.now() < until; await pause(25)) {
      if (chosen.some(isStarting)) continue;
      if (this.registry.running.has(name)) break;
      // It waited for those that it asks for, which are there by now.
      await this.registry.follow();
      if (!this.registry.running.has(name) && !chosen.some(isStarting)) return;
    }
    const plugin = this.registry.running.get(name);
    if (!plugin) return;
    for (const { generation } of plugin.platforms.values()) {
      await generation?.load(AbortSignal.timeout(START_MS)).catch((error: unknown) => {
        throw new CommandRefused('plugin-start-failed', `${name} ${plugin.version} is in use, and does not start: ${reasonOf(error)}. It is tried again with the next message; GET ${at(name)}/logs shows what it wrote.`, undefined, error);
      });
    }
  }
}
