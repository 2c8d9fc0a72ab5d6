import type { PluginSettings, PluginStatus, PluginWish } from '@conductor/contracts';
import { CommandRefused, type PluginWishes } from '@conductor/control';
import type { Logger } from '@conductor/observability';
import type { DependencyChange } from '@conductor/platform-kit';
import type { LockFile } from '../approval/lock-file';
import type { PluginApprovals } from '../approval/plugin-approvals';
import { PluginRefused } from '../approval/plugin-refused';
import type { PluginCatalogue } from '../discovery/plugin-catalogue';
import { checkPluginConfig } from '../manifest/config-check';
import { tellChangedOnDisk } from './changed-on-disk';
import type { TellEvent, TellStep } from './ports';
import { allows, dependantsOf, type InUse, type Neighbour, waitsFor } from './plan';
import { type Runnable, runnableOf } from './runnable';
import { type Provision, type RunningParts, RunningPlugin } from './running-plugin';
import type { ConfigStore } from './config-store';
import type { SecretStore } from './secret-store';
import { getsOtherSecrets, grantedSecrets } from './secrets-in-use';
import type { Shelf } from './shelf';
import { StepLog } from './swap';
import { reasonOf, SwapFailed } from './swap-failed';
import { WishBackup } from './wish-backup';

export interface RegistryParts extends RunningParts {
  readonly catalogue: PluginCatalogue;
  readonly lock: LockFile;
  readonly approvals: PluginApprovals;
  readonly shelf: Shelf;
  readonly secrets: SecretStore;
  readonly configs: ConfigStore;
  readonly wishes: PluginWishes;
  readonly tell: TellEvent;
  readonly tellStep: TellStep;
  /** Whether this host leads: it alone writes what hosts share, and runs what may run once only. */
  readonly leads: () => boolean;
  /** Who runs a platform that is none of ours, e.g. the app `brain`; undefined when nobody does. */
  readonly ownerOf: (platform: string) => Promise<string | undefined>;
  readonly logger: Logger;
}

/** A failed start or swap is tried again after such a time, unless the wish changes before. */
const AGAIN_MS = 15_000;

/** The plugins on this host: brings what runs to what is wanted, and keeps each change apart from the next. */
export class PluginRegistry {
  readonly running = new Map<string, RunningPlugin>();
  /** Why a wanted plugin does not run, or not as wanted. */
  private readonly troubles = new Map<string, { state: PluginStatus; reason: string; wish: number; at: number }>();
  private readonly busy = new Map<string, string>();
  private following: Promise<void> | undefined;
  private next: Promise<void> | undefined;
  private timer?: NodeJS.Timeout;
  private closed = false;
  settled = false;
  private readonly offs: Array<() => void> = [];
  /** What is wished, in files. */
  readonly backup: WishBackup;
  constructor(readonly parts: RegistryParts) {
    this.backup = new WishBackup(parts);
  }

  async open(): Promise<void> {
    const { wishes, catalogue, settings } = this.parts;
    wishes.wishes.onChange(() => {
      void this.follow();
      void this.backup.keep();
    });
    this.offs.push(
      catalogue.onChange(({ touched, changed }) => {
        if (this.parts.leads()) void tellChangedOnDisk([...touched, ...changed.map(({ after }) => after)], this.parts.lock, this.parts.tell);
        void this.follow();
      }),
    );
    this.timer = setInterval(() => void this.follow(), settings.lookMs).unref();
    await this.follow();
    this.settled = true;
  }

  /** Everything it runs finishes and goes. */
  async close(): Promise<void> {
    this.closed = true;
    clearInterval(this.timer);
    this.offs.forEach((off) => off());
    await this.following?.catch(() => {});
    await Promise.all([...this.running.values()].map((plugin) => plugin.stop()));
    this.running.clear();
  }

  /** One change of a plugin at a time. @throws CommandRefused when another is under way */
  async exclusively<T>(name: string, what: string, work: () => Promise<T>): Promise<T> {
    const other = this.busy.get(name);
    if (other !== undefined) throw new CommandRefused('plugin-busy', `${name} is busy: ${other}. Come again when that is done.`);
    this.busy.set(name, what);
    try {
      return await work();
    } finally {
      this.busy.delete(name);
      void this.follow();
    }
  }

  busyWith(name: string): string | undefined {
    return this.busy.get(name);
  }

  troubleOf(name: string): { state: PluginStatus; reason: string } | undefined {
    return this.troubles.get(name);
  }

  /** Forgets why it did not start, so that it is tried again at once. */
  forgive(name: string) {
    this.troubles.delete(name);
  }

  wishedVersion(name: string, wish = this.parts.wishes.of(name)): string | undefined {
    return wish?.release ?? this.parts.lock.versions.get(name) ?? this.parts.shelf.newestApproved(name);
  }

  inUse(): InUse[] {
    return [...this.running.values()].map(({ name, version }) => ({ name, version }));
  }

  /** What runs, as others see it who wait for it. */
  neighbours(): Neighbour[] {
    return [...this.running.values()].map((plugin) => {
      const bad = plugin.states().find(({ state }) => state !== 'ready' && state !== 'degraded');
      return { name: plugin.name, version: plugin.version, provides: plugin.runnable.manifest.conductor.provides, works: bad === undefined, reason: bad ? `is ${bad.state}: ${bad.reason}` : 'works' };
    });
  }

  /** @param wished its configuration, as JSON @throws PluginRefused, CommandRefused when it may not run as it is */
  async runnable(name: string, version: string, wished = this.parts.wishes.of(name)?.config ?? '{}'): Promise<{ runnable: Runnable; provision: Provision }> {
    const { approvals, lock, secrets } = this.parts;
    if (!this.parts.leads()) await lock.reload();
    const permit = await approvals.permit(name, version);
    if (!permit) throw new CommandRefused('plugin-not-approved', `Nobody approved ${name} ${version}. Look at it (GET /v1/plugins/${encodeURIComponent(name)}/inspection?version=${version}), then approve it.`);
    const runnable = runnableOf(permit);
    const checked = checkPluginConfig(runnable.manifest.conductor.config, JSON.parse(wished));
    if (!checked.ok) throw new CommandRefused('invalid-request', `The configuration of ${name} does not fit ${version}: ${checked.problems.join('; ')}. Change it with PUT /v1/plugins/${encodeURIComponent(name)}/config.`);
    return { runnable, provision: { config: checked.config, wished, secrets: await grantedSecrets(secrets, name, permit.approval.secrets) } };
  }

  /** Goes once through what is wanted, those first that others wait for. Whoever calls meanwhile waits for another round, which sees what they wished. */
  follow(): Promise<void> {
    if (this.closed) return Promise.resolve();
    if (this.following) {
      this.next ??= this.following.then(() => {
        this.next = undefined;
        return this.follow();
      });
      return this.next;
    }
    this.following = this.followOnce()
      .catch((error: unknown) => this.parts.logger.error({ err: error }, 'plugins could not be brought to what is wanted; trying again'))
      .finally(() => (this.following = undefined));
    return this.following;
  }

  private async followOnce(): Promise<void> {
    await this.backup.restore();
    const wishes = this.parts.wishes.wishes.all();
    // What was taken out of use is wished not to run; a wish that is not there at all was lost, and comes back.
    const isWanted = ({ name, runnable }: RunningPlugin) => this.parts.wishes.of(name)?.enabled !== false && (this.parts.leads() || !runnable.manifest.conductor.exclusive);
    const unwanted = [...this.running.values()].filter((plugin) => !isWanted(plugin)).map(({ name }) => name);
    for (const name of unwanted) if (!this.busy.has(name)) await this.quietly(name, 'it stops', () => this.stop(name, 'not wanted here any more'));
    for (const name of this.troubles.keys()) if (!wishes.some((wish) => wish.name === name && wish.enabled)) this.troubles.delete(name);
    for (let moved = true; moved; ) {
      moved = false;
      for (const wish of wishes) if (wish.enabled && !this.busy.has(wish.name) && (await this.bring(wish))) moved = true;
    }
  }

  /** @returns whether something began to run, so that others may follow */
  private async bring(wish: PluginWish): Promise<boolean> {
    const { name } = wish;
    const version = this.wishedVersion(name, wish);
    const plugin = this.running.get(name);
    const asWished = plugin !== undefined && (version === undefined || plugin.version === version) && plugin.config === (wish.config ?? '{}');
    if (asWished && !(await getsOtherSecrets(plugin, this.parts))) return false;
    const trouble = this.troubles.get(name);
    if (trouble?.state === 'failed' && trouble.wish === wish.version && Date.now() - trouble.at < AGAIN_MS) return false;
    // Said of this host, and done on no other: it neither begins with a version nor has a say in it.
    if (this.parts.sandbox.refusal !== undefined) return this.trouble(wish, 'failed', this.parts.sandbox.refusal);
    if (version === undefined) return this.trouble(wish, 'waiting', 'waits for somebody to approve a version of it');
    try {
      await this.exclusivelyQuiet(name, plugin ? `it goes to ${version}` : 'it starts', async () => {
        const { runnable, provision } = await this.runnable(name, version);
        const waits = await this.obstacle(name, runnable.manifest.conductor);
        if (waits !== undefined) throw new Waits(waits);
        if (plugin) await this.followSwap(plugin, runnable, provision);
        else await this.start(runnable, provision);
      });
      this.troubles.delete(name);
      return true;
    } catch (error) {
      if (plugin && !asWished && error instanceof SwapFailed) await this.sendBack(wish, plugin, error);
      const waits = error instanceof Waits || (error instanceof CommandRefused && error.code !== 'internal');
      return this.trouble(wish, waits ? 'waiting' : 'failed', error instanceof PluginRefused || waits ? reasonOf(error) : `does not start: ${reasonOf(error)}`, error);
    }
  }

  /** What stands in the way of its start, besides itself. */
  async obstacle(name: string, settings: PluginSettings): Promise<string | undefined> {
    const waits = waitsFor(settings, this.neighbours());
    if (waits !== undefined) return waits;
    if (settings.exclusive && !this.parts.leads()) return 'runs on the plugin-host that leads, since it bears one session only';
    for (const platform of settings.platforms) {
      const other = [...this.running.values()].find((plugin) => plugin.name !== name && plugin.platforms.has(platform));
      const owner = other ? `the plugin ${other.name}` : await this.parts.ownerOf(platform);
      if (owner !== undefined) return `waits, since its platform ${platform} is run by ${owner} already`;
    }
    return undefined;
  }

  async start(runnable: Runnable, provision: Provision): Promise<void> {
    const plugin = await RunningPlugin.start(this.parts, runnable, provision);
    this.running.set(runnable.name, plugin);
    await this.noteUse(runnable.name, runnable.version);
    this.parts.tell({ plugin: runnable.name, event: 'started', version: runnable.version, reason: 'it is wanted, and nothing stands in its way', by: 'system' });
  }

  /** In conductor.lock.json, which the host that leads writes. What runs is not held up by a disk that is full. */
  async noteUse(name: string, version: string | undefined): Promise<void> {
    if (!this.parts.leads()) return;
    await this.parts.lock.use(name, version).catch((error: unknown) => this.parts.logger.error({ err: error }, 'conductor.lock.json could not be written'));
  }

  async stop(name: string, reason: string): Promise<void> {
    const plugin = this.running.get(name);
    if (!plugin) return;
    await plugin.stop();
    this.running.delete(name);
    this.parts.tell({ plugin: name, event: 'stopped', version: plugin.version, reason, by: 'system' });
  }

  /** What the leader could do, this host cannot: all go back to what runs here. What the system brought back itself is not sent anywhere. */
  private async sendBack({ name, version: wished, release, by }: PluginWish, { version, config }: RunningPlugin, error: SwapFailed): Promise<void> {
    if (by === 'system' || this.parts.wishes.of(name)?.version !== wished) return;
    const reason = `a plugin-host could not follow to ${release ?? 'it'}, at the step "${error.step}": ${error.message}`;
    await this.parts.wishes.wish(name, { release: version, previous: release ?? null, config, by: 'system', reason });
    this.parts.tell({ plugin: name, event: 'rolled-back', version, ...(release !== undefined && { from: release }), step: error.step, reason, by: 'system' });
  }

  /** The leader's swap went well; this host does the same. */
  private async followSwap(plugin: RunningPlugin, runnable: Runnable, provision: Provision): Promise<void> {
    const { version: from, config } = plugin;
    const log = new StepLog();
    await plugin.swapTo(runnable, provision, log, (reason) => void this.onTrouble(runnable.name, from, reason, config === provision.wished ? undefined : config));
    await this.noteUse(runnable.name, runnable.version);
    if (from !== runnable.version) this.tellDependants({ plugin: runnable.name, from, to: runnable.version }, () => {});
    this.parts.tell({ plugin: runnable.name, event: 'swapped', version: runnable.version, from, reason: 'as wished', by: 'system', ms: log.steps.reduce((sum, { ms }) => sum + ms, 0) });
  }

  /**
   * Lets those on this host know who ask for the plugin and go on beside its new version. Nobody waits for what they make of it.
   * @param heard told of each in the end how that went
   */
  tellDependants(change: DependencyChange, heard: (name: string, outcome: string) => void, except: ReadonlySet<string> = new Set()): void {
    const asking = dependantsOf(change.plugin, this.inUse(), this.parts.shelf.releases());
    for (const plugin of this.running.values()) {
      if (!asking.has(plugin.name) || except.has(plugin.name) || !allows(plugin.runnable.manifest.conductor.dependsOn, change.plugin, change.to)) continue;
      void plugin.tell(change).then((outcome) => heard(plugin.name, outcome));
    }
  }

  /** Brings the version back that ran before, on every host. Set by who knows how. */
  onTrouble: (name: string, from: string, reason: string, config?: string) => Promise<void> = async () => {};

  private trouble(wish: PluginWish, state: PluginStatus, reason: string, error?: unknown): false {
    const known = this.troubles.get(wish.name);
    this.troubles.set(wish.name, { state, reason, wish: wish.version, at: Date.now() });
    if (known?.reason === reason) return false;
    this.parts.logger.info({ plugin: wish.name, state, reason, ...(state === 'failed' && { err: error }) }, `${wish.name} ${reason}`);
    if (state === 'failed') this.parts.tell({ plugin: wish.name, event: 'start-failed', ...(wish.release && { version: wish.release }), reason, by: 'system' });
    return false;
  }

  /** Begins to lead. What another host wrote is read anew. */
  async lead(): Promise<void> {
    await this.parts.lock.reload();
    await this.backup.restore();
    await this.backup.keep();
  }

  private async exclusivelyQuiet(name: string, what: string, work: () => Promise<void>): Promise<void> {
    this.busy.set(name, what);
    try {
      await work();
    } finally {
      this.busy.delete(name);
    }
  }

  private quietly(name: string, what: string, work: () => Promise<void>): Promise<void> {
    return this.exclusivelyQuiet(name, what, work).catch((error: unknown) => this.parts.logger.error({ err: error, plugin: name }, 'a plugin could not be stopped'));
  }
}

/** Something else must happen first. */
class Waits extends Error {}
