import { setTimeout as pause } from 'node:timers/promises';
import { satisfies } from 'semver';
import type { PluginCommand, PluginWish, SwapReport } from '@conductor/contracts';
import { type BoxKey, CommandRefused } from '@conductor/control';
import { fingerprint } from '../approval/file-tree';
import { PluginRefused } from '../approval/plugin-refused';
import { checkPluginConfig } from '../manifest/config-check';
import { dependantsOf, type InUse, planFor } from './plan';
import type { PluginRegistry } from './plugin-registry';
import type { RunningPlugin } from './running-plugin';
import type { Runnable } from './runnable';
import { StepLog } from './swap';
import { reasonOf, SwapFailed } from './swap-failed';

/** The conductor lets platforms start one after the other. */
const PERMIT_MS = 5_000;
const START_MS = 15_000;

type Ask<Do extends PluginCommand['do']> = Extract<PluginCommand, { do: Do }>;

const at = (name: string) => `/v1/plugins/${encodeURIComponent(name)}`;

/** What people change about plugins, on the host that leads. Others see the wish that this leaves, and follow. */
export class PluginChanges {
  constructor(
    private readonly registry: PluginRegistry,
    private readonly box: BoxKey,
  ) {
    registry.onTrouble = (name, from, reason) => this.bringBack(name, from, reason);
  }

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
      return approval;
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
    const before = this.parts.wishes.of(name)?.config ?? null;
    await this.parts.wishes.wish(name, { config: JSON.stringify(config), by });
    this.registry.forgive(name);
    this.parts.tell({ plugin: name, event: 'configured', reason: `set: ${Object.keys(config).join(', ') || 'nothing'}`, by });
    if (!this.registry.running.has(name)) return;
    // One that it cannot live with must not meet it at its next start.
    await this.swap({ do: 'swap', name, version: version!, by }).catch(async (error: unknown) => {
      await this.parts.wishes.wish(name, { config: before, by });
      throw error;
    });
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
    const plan = await this.plan(name, wanted, 'plugin-conflict');
    for (const one of plan.chosen) await this.approvedAsItLies(one.name, one.version);
    for (const one of plan.chosen) {
      this.registry.forgive(one.name);
      const reason = one.name === name ? 'taken into use' : `${name} ${wanted} asks for it`;
      await this.parts.wishes.wish(one.name, { enabled: true, release: one.version, reason, by });
    }
    await this.registry.follow();
    await this.awake(name);
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

  /** Goes to another version; a configuration that changed goes the same way, to the same version. */
  async swap({ name, version, by }: Ask<'swap'>, event: 'swapped' | 'rolled-back' = 'swapped', why = `wished by ${by}`): Promise<SwapReport> {
    return this.registry.exclusively(name, `it goes to ${version}`, async () => {
      const plugin = this.registry.running.get(name);
      if (!plugin) throw new CommandRefused('conflict', `${name} does not run. POST ${at(name)}/load takes it into use with the version you want.`);
      const from = plugin.version;
      try {
        return await this.swapNow(plugin, version, by, event, why);
      } catch (error) {
        const failed = error instanceof SwapFailed ? error : new SwapFailed('switch', reasonOf(error), error);
        this.parts.tell({ plugin: name, event: 'swap-failed', version, from, step: failed.step, reason: failed.message, by });
        const now = plugin.version === version && from !== version ? `${name} runs ${version}, but not all of the change was done, and it may go back to ${from}` : `${name} stays at ${plugin.version}`;
        throw new CommandRefused(failed.code, `${now}. At the step "${failed.step}": ${failed.message}`, [{ field: 'step', message: failed.step }], error);
      }
    });
  }

  async rollback({ name, by }: Ask<'rollback'>): Promise<SwapReport> {
    const previous = this.parts.wishes.of(name)?.previous;
    if (previous === undefined) throw new CommandRefused('conflict', `There is no version of ${name} to go back to: it was not swapped yet.`);
    return this.swap({ do: 'swap', name, version: previous, by }, 'rolled-back');
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
      const kept = new Set(this.parts.lock.names.flatMap((other) => this.parts.lock.approvals(other).map(({ version, approval }) => this.parts.store.folderOf(other, version, approval.integrity))));
      await this.parts.store.prune((folder) => kept.has(folder));
      this.parts.tell({ plugin: name, event: 'removed', reason: 'with its approvals, secrets and configuration', by });
    });
  }

  private async swapNow(plugin: RunningPlugin, version: string, by: string, event: 'swapped' | 'rolled-back', why: string): Promise<SwapReport> {
    const { name } = plugin;
    const startedAt = performance.now();
    const log = new StepLog((step, state) => this.parts.tellStep(name, version, step, state));
    const from = plugin.version;
    const plan = await log.run('resolve', () => this.plan(name, version), ({ moves, starts }) => [...moves, ...starts].map((one) => `${one.name} ${one.version}`).join(', ') || 'nothing else changes');
    const next = await log.run('scan', async () => {
      for (const one of [{ name, version }, ...plan.moves, ...plan.starts]) if (event === 'swapped') await this.approvedAsItLies(one.name, one.version);
      return this.registry.runnable(name, version).catch((error: unknown) => fail('scan', error));
    }, ({ runnable: { approval } }) => `approved by ${approval.approvedBy} on ${approval.approvedAt}; all files are those`).catch((error: unknown) => fail('scan', error));
    for (const one of plan.starts) await this.parts.wishes.wish(one.name, { enabled: true, release: one.version, reason: `${name} ${version} asks for it`, by });
    const { proof, watchedMs } = await plugin.swapTo(next.runnable, next.provision, log, (reason) => void this.bringBack(name, from, reason));
    await this.settle(name, version, from === version ? undefined : from, by, why);
    const restarted = new Set<string>();
    for (const move of plan.moves) {
      await this.swap({ do: 'swap', name: move.name, version: move.version, by }, 'swapped', `${name} ${version} demands it`);
      restarted.add(move.name);
    }
    this.parts.tell({ plugin: name, event, version, from, reason: why, by, ms: Math.round(performance.now() - startedAt) });
    const dependants = this.tellDependants(plan.dependants, next.runnable, from, by).map((one) => ({ name: one, told: true as const, restarted: restarted.has(one) }));
    return { plugin: name, from, to: version, steps: log.steps, dependants, proof, watchedMs };
  }

  /** Writes down that this version is the one now; other hosts and the next start go by it. */
  private async settle(name: string, version: string, previous: string | undefined, by: string, reason: string): Promise<void> {
    // The swap is done: what cannot be written now must not undo it. The wish is tried again, since the next round would go back.
    const wish = () => this.parts.wishes.wish(name, { enabled: true, release: version, ...(previous !== undefined && { previous }), by, reason } satisfies Partial<PluginWish>);
    await this.registry.noteUse(name, version);
    for (let tries = 0; ; tries++) {
      const error = await wish().then(() => undefined, (reason: unknown) => reason ?? true);
      if (error === undefined) return;
      if (tries === 20) throw error as Error;
      await pause(500);
    }
  }

  private tellDependants(names: Iterable<string>, { name, version }: Runnable, from: string, by: string): string[] {
    return [...names].map((one) => {
      this.parts.tell({ plugin: one, event: 'dependency-changed', reason: `${name} went from ${from} to ${version}, which its range allows`, by });
      return one;
    });
  }

  private async bringBack(name: string, previous: string, reason: string): Promise<void> {
    this.parts.logger.warn({ plugin: name, reason }, `${name} goes back to ${previous} by itself`);
    await this.swap({ do: 'swap', name, version: previous, by: 'system' }, 'rolled-back', reason).catch((error: unknown) => {
      this.parts.logger.error({ err: error, plugin: name }, 'the version before could not be brought back');
    });
  }

  private async plan(name: string, version: string, code?: 'plugin-conflict') {
    const releases = this.parts.shelf.releases();
    const inUse: InUse[] = [...this.registry.running.values()].map((plugin) => ({ name: plugin.name, version: plugin.version }));
    if (!releases.some((one) => one.name === name && one.version === version)) {
      const known = releases.filter((one) => one.name === name).map((one) => one.version);
      const message = known.length === 0 ? `there is no plugin ${name} in any plugin folder` : `there is no ${name} ${version}; known are ${known.join(', ')}`;
      throw code ? new CommandRefused('not-found', `${message}.`) : new SwapFailed('resolve', message);
    }
    const resolution = planFor(name, version, inUse, releases);
    if (!resolution.ok) throw code ? new CommandRefused(code, resolution.reason, resolution.because.map((message) => ({ field: name, message }))) : new SwapFailed('resolve', resolution.reason);
    const now = new Map(inUse.map((one) => [one.name, one.version]));
    const chosen = resolution.plugins.filter((one) => !now.has(one.name) || now.get(one.name) !== one.version || one.name === name);
    const others = chosen.filter((one) => one.name !== name);
    return { chosen, moves: others.filter((one) => now.has(one.name)), starts: others.filter((one) => !now.has(one.name)), dependants: dependantsOf(name, inUse, releases) };
  }

  /** What lies in the folder is what was approved; or nothing lies there any more, and the approved copy is what runs. */
  private async approvedAsItLies(name: string, version: string): Promise<void> {
    const approval = this.parts.lock.approval(name, version);
    if (!approval) throw new CommandRefused('plugin-not-approved', `Nobody approved ${name} ${version}. Look at it (GET ${at(name)}/inspection?version=${version}), then approve it.`);
    const found = this.parts.catalogue.find(name, version);
    if (!found) return;
    const { integrity } = await fingerprint(found.folder).catch(refuse);
    if (integrity === approval.integrity) return;
    throw new CommandRefused('plugin-changed', `The files of ${name} ${version} were changed since ${approval.approvedBy} approved them. Look at them (GET ${at(name)}/inspection?version=${version}) and approve them anew, or put the old ones back.`);
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
  private async awake(name: string): Promise<void> {
    const plugin = this.registry.running.get(name);
    if (!plugin) return;
    for (const until = Date.now() + PERMIT_MS; Date.now() < until && plugin.states().some(({ state }) => state === 'registered' || state === 'starting'); ) await pause(25);
    for (const { generation } of plugin.platforms.values()) {
      await generation?.load(AbortSignal.timeout(START_MS)).catch((error: unknown) => {
        throw new CommandRefused('plugin-start-failed', `${name} ${plugin.version} is in use, and does not start: ${reasonOf(error)}. It is tried again with the next message; GET ${at(name)}/logs shows what it wrote.`, undefined, error);
      });
    }
  }
}

const notThere = (name: string) => new CommandRefused('not-found', `There is no plugin ${name} in any plugin folder. POST /v1/plugins/discover looks again.`);

/** @throws CommandRefused with the code that fits */
export const refuse = (error: unknown): never => {
  if (!(error instanceof PluginRefused)) throw error;
  throw new CommandRefused(error.code === 'changed' || error.code === 'changed-meanwhile' ? 'plugin-changed' : 'plugin-refused', error.message, [{ field: error.code, message: error.message }], error);
};

const fail = (step: 'scan', error: unknown): never => {
  throw error instanceof SwapFailed ? error : new SwapFailed(step, reasonOf(error), error);
};
