import { setTimeout as pause } from 'node:timers/promises';
import type { PluginCommand, PluginWish, SwapReport } from '@conductor/contracts';
import { CommandRefused } from '@conductor/control';
import type { DependencyChange } from '@conductor/platform-kit';
import { fingerprint } from '../approval/file-tree';
import { dependantsOf, planFor } from './plan';
import type { PluginRegistry } from './plugin-registry';
import { at, notThere, refuse } from './refusals';
import type { RunningPlugin } from './running-plugin';
import { StepLog } from './swap';
import { reasonOf, SwapFailed } from './swap-failed';

type Ask<Do extends PluginCommand['do']> = Extract<PluginCommand, { do: Do }>;

/** What a swap is besides its version. */
export interface Occasion {
  /** What it is called in the history. */
  readonly event?: 'swapped' | 'rolled-back';
  readonly why?: string;
  /** Another configuration than the one that is wished, as JSON; it becomes the wish when all went well. */
  readonly config?: string | undefined;
}

/** How plugins that run get to other versions. */
export class PluginSwaps {
  constructor(private readonly registry: PluginRegistry) {
    registry.onTrouble = (name, from, reason, config) => this.bringBack(name, from, reason, config);
  }

  private get parts() {
    return this.registry.parts;
  }

  /** Goes to another version; a configuration that changed goes the same way, to the same version. */
  async swap({ name, version, by }: Ask<'swap'>, occasion: Occasion = {}): Promise<SwapReport> {
    return this.registry.exclusively(name, `it goes to ${version}`, async () => {
      const plugin = this.registry.running.get(name);
      if (!plugin) throw new CommandRefused('conflict', `${name} does not run. POST ${at(name)}/load takes it into use with the version you want.`);
      const from = plugin.version;
      try {
        return await this.swapNow(plugin, version, by, occasion);
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
    if (!this.parts.shelf.names().includes(name)) throw notThere(name);
    if (previous === undefined) throw new CommandRefused('conflict', `There is no version of ${name} to go back to: it was not swapped yet.`);
    return this.swap({ do: 'swap', name, version: previous, by }, { event: 'rolled-back' });
  }

  private async swapNow(plugin: RunningPlugin, version: string, by: string, { event = 'swapped', why = `wished by ${by}`, config }: Occasion): Promise<SwapReport> {
    const { name } = plugin;
    const startedAt = performance.now();
    const log = new StepLog((step, state) => this.parts.tellStep(name, version, step, state));
    const from = plugin.version;
    const previous = this.parts.wishes.of(name)?.previous ?? null;
    const plan = await log.run('resolve', () => this.plan(name, version), ({ moves, starts }) => [...moves, ...starts].map((one) => `${one.name} ${one.version}`).join(', ') || 'nothing else changes');
    const next = await log.run('scan', async () => {
      for (const one of [{ name, version }, ...plan.moves, ...plan.starts]) if (event === 'swapped') await this.approvedAsItLies(one.name, one.version);
      return this.registry.runnable(name, version, config).catch((error: unknown) => fail('scan', error));
    }, ({ runnable: { approval } }) => `approved by ${approval.approvedBy} on ${approval.approvedAt}; all files are those`).catch((error: unknown) => fail('scan', error));
    for (const one of plan.starts) await this.parts.wishes.wish(one.name, { enabled: true, release: one.version, reason: `${name} ${version} asks for it`, by });
    const before = config === undefined ? undefined : plugin.config;
    const { proof, watchedMs } = await plugin.swapTo(next.runnable, next.provision, log, (reason) => void this.bringBack(name, from, reason, before));
    await this.settle(name, version, { ...(from !== version && { previous: from }), ...(config !== undefined && { config }), by, reason: why });
    const moved = await this.moveAlong(plan.moves, `${name} ${version}`, by, () => this.takeBack(plugin, from, previous));
    this.parts.tell({ plugin: name, event, version, from, reason: why, by, ms: Math.round(performance.now() - startedAt) });
    const dependants = [...plan.dependants].map((one) => ({ name: one, told: true as const, restarted: moved.has(one) }));
    if (from !== version) this.tellDependants({ plugin: name, from, to: version }, by, moved);
    return { plugin: name, from, to: version, steps: log.steps, dependants, proof, watchedMs };
  }

  /** Writes down that this version is the one now; other hosts and the next start go by it. */
  private async settle(name: string, version: string, more: Partial<PluginWish>): Promise<void> {
    // The swap is done: what cannot be written now must not undo it. The wish is tried again, since the next round would go back.
    const wish = () => this.parts.wishes.wish(name, { enabled: true, release: version, ...more });
    await this.registry.noteUse(name, version);
    for (let tries = 0; ; tries++) {
      const error = await wish().then(() => undefined, (reason: unknown) => reason ?? true);
      if (error === undefined) return;
      if (tries === 20) throw error as Error;
      await pause(500);
    }
  }

  /** Plugins whose range demands it go along. When one cannot, all goes back: none runs beside a version that its range does not allow. */
  private async moveAlong(moves: ReadonlyArray<{ name: string; version: string }>, demandedBy: string, by: string, takeBack: () => Promise<void>): Promise<Set<string>> {
    for (const move of moves) {
      await this.swap({ do: 'swap', name: move.name, version: move.version, by }, { why: `${demandedBy} demands it` }).catch(async (error: unknown) => {
        // What goes back already has nothing better to go to.
        if (by !== 'system') await takeBack();
        throw new SwapFailed('switch', `${demandedBy} took over, and ${move.name} could not go along to ${move.version}: ${reasonOf(error)}`, error);
      });
    }
    return new Set(moves.map(({ name }) => name));
  }

  private async takeBack(plugin: RunningPlugin, version: string, previous: string | null): Promise<void> {
    const { name } = plugin;
    await this.swapNow(plugin, version, 'system', { event: 'rolled-back', why: `a plugin that asks for it could not go along to ${plugin.version}` });
    await this.parts.wishes.wish(name, { previous, by: 'system' });
  }

  private tellDependants(change: DependencyChange, by: string, moved: ReadonlySet<string>): void {
    const { plugin, from, to } = change;
    this.registry.tellDependants(change, (name, outcome) => this.parts.tell({ plugin: name, event: 'dependency-changed', reason: `${plugin} went from ${from} to ${to}, which its range allows; ${outcome}`, by }), moved);
    for (const name of moved) this.parts.tell({ plugin: name, event: 'dependency-changed', reason: `${plugin} went from ${from} to ${to}, which demanded another version of it`, by });
  }

  private async bringBack(name: string, previous: string, reason: string, config?: string): Promise<void> {
    this.parts.logger.warn({ plugin: name, reason }, `${name} goes back to ${previous} by itself`);
    await this.swap({ do: 'swap', name, version: previous, by: 'system' }, { event: 'rolled-back', why: reason, config }).catch((error: unknown) => {
      this.parts.logger.error({ err: error, plugin: name }, 'the version before could not be brought back');
    });
  }

  async plan(name: string, version: string, code?: 'plugin-conflict') {
    const releases = this.parts.shelf.releases();
    const inUse = this.registry.inUse();
    if (!releases.some((one) => one.name === name && one.version === version)) {
      const known = releases.filter((one) => one.name === name).map((one) => one.version);
      const message = known.length === 0 ? `there is no plugin ${name} in any plugin folder` : `there is no ${name} ${version}; known are ${known.join(', ')}`;
      throw code ? new CommandRefused('not-found', `${message}.`) : new SwapFailed('resolve', message);
    }
    const resolution = await planFor(name, version, inUse, releases);
    if (!resolution.ok) throw code ? new CommandRefused(code, resolution.reason, resolution.because.map((message) => ({ field: name, message }))) : new SwapFailed('resolve', resolution.reason);
    const now = new Map(inUse.map((one) => [one.name, one.version]));
    const chosen = resolution.plugins.filter((one) => !now.has(one.name) || now.get(one.name) !== one.version || one.name === name);
    const others = chosen.filter((one) => one.name !== name);
    return { chosen, moves: others.filter((one) => now.has(one.name)), starts: others.filter((one) => !now.has(one.name)), dependants: dependantsOf(name, inUse, releases) };
  }

  /** What lies in the folder is what was approved; or nothing lies there any more, and the approved copy is what runs. */
  async approvedAsItLies(name: string, version: string): Promise<void> {
    const approval = this.parts.lock.approval(name, version);
    if (!approval) throw new CommandRefused('plugin-not-approved', `Nobody approved ${name} ${version}. Look at it (GET ${at(name)}/inspection?version=${version}), then approve it.`);
    const found = this.parts.catalogue.find(name, version);
    if (!found) return;
    const { integrity } = await fingerprint(found.folder).catch(refuse);
    if (integrity === approval.integrity) return;
    throw new CommandRefused('plugin-changed', `The files of ${name} ${version} were changed since ${approval.approvedBy} approved them. Look at them (GET ${at(name)}/inspection?version=${version}) and approve them anew, or put the old ones back.`);
  }
}

const fail = (step: 'scan', error: unknown): never => {
  throw error instanceof SwapFailed ? error : new SwapFailed(step, reasonOf(error), error);
};
