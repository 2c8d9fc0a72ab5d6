import type { LifecycleState, SwapReport } from '@conductor/contracts';
import type { DependencyChange } from '@conductor/platform-kit';
import type { GenerationStore } from '../approval/generation-store';
import type { Incident } from '../sandbox/incidents';
import type { Sandbox } from '../sandbox/sandbox';
import type { PlatformRunner, PlatformSwitch } from './ports';
import { type Runnable, specOf } from './runnable';
import { RunningPlatform } from './running-platform';
import type { LifecycleSettings } from './settings';
import { type Move, moveByHandOver, moveBeside, type Proofs, type StepLog } from './swap';
import { type Watched, SwapWatch } from './swap-watch';

export interface RunningParts {
  readonly sandbox: Sandbox;
  readonly store: GenerationStore;
  readonly runner: PlatformRunner;
  readonly switches: PlatformSwitch;
  readonly settings: LifecycleSettings;
  readonly onIncident: (plugin: string, incident: Incident) => void;
}

/** What a plugin is given to run with. */
export interface Provision {
  readonly config: unknown;
  /** As it is wished, before defaults were filled in: JSON. */
  readonly wished: string;
  readonly secrets: Readonly<Record<string, string>>;
}

/** One plugin in use on this host: its platforms, the version that serves, and how it gets to another one. */
export class RunningPlugin {
  readonly platforms = new Map<string, RunningPlatform>();
  readonly startedAt = Date.now();
  private release: () => void;
  private watch?: SwapWatch | undefined;

  private constructor(
    private readonly parts: RunningParts,
    private current: Runnable,
    private wished: string,
    private provided: Provision['secrets'],
  ) {
    this.release = parts.store.acquire(current.copy);
  }

  /** Hands its platforms to the runner; a lazy one has no process until a message comes. */
  static async start(parts: RunningParts, runnable: Runnable, provision: Provision): Promise<RunningPlugin> {
    const plugin = new RunningPlugin(parts, runnable, provision.wished, provision.secrets);
    try {
      for (const platform of runnable.manifest.conductor.platforms) await plugin.add(runnable, platform, provision);
      return plugin;
    } catch (error) {
      await plugin.stop();
      throw error;
    }
  }

  get runnable(): Runnable {
    return this.current;
  }

  /** The configuration that it runs with, as it was wished: JSON. */
  get config(): string {
    return this.wished;
  }

  /** The secrets that it was given when it began. */
  get secrets(): Provision['secrets'] {
    return this.provided;
  }

  get name(): string {
    return this.current.name;
  }

  get version(): string {
    return this.current.version;
  }

  states(): Array<{ name: string; state: LifecycleState; reason: string }> {
    return [...this.platforms.keys()].map((name) => {
      const state = this.parts.runner.stateOf(name);
      return { name, state: state?.lifecycle ?? 'registered', reason: state?.reason ?? 'about to be started' };
    });
  }

  /**
   * Changes the version. What comes before the switch can fail without harm.
   * @param onTrouble called when the new version fails more than the old one did, while it is watched
   * @throws SwapFailed
   */
  async swapTo(next: Runnable, provision: Provision, log: StepLog, onTrouble: (reason: string) => void): Promise<Pick<SwapReport, 'proof' | 'watchedMs'>> {
    const { settings, store, runner } = this.parts;
    const [old, fresh] = [this.current.manifest.conductor, next.manifest.conductor];
    const kept = fresh.platforms.filter((name) => this.platforms.has(name));
    // One that does not run has no session and no messages: it simply begins with the new version.
    const serving = kept.filter((name) => this.platforms.get(name)!.generation !== undefined);
    const moves = serving.map((name): Move => ({ platform: this.platforms.get(name)!, spec: specOf(next, name, provision.config, provision.secrets) }));
    const before = moves.map(({ platform }) => (platform.generation ? platform.tallyOf(platform.generation).since(Date.now() - settings.watchMs) : { requests: 0, errors: 0 }));
    const release = store.acquire(next.copy);
    let proof: Proofs;
    try {
      this.watch?.stop();
      proof = await (old.exclusive || fresh.exclusive ? moveByHandOver : moveBeside)(moves, log, settings, () => {
        this.release();
        this.release = release;
        this.current = next;
        this.wished = provision.wished;
        this.provided = provision.secrets;
        for (const { platform } of moves) runner.redefine(platform.definition);
      });
    } catch (error) {
      if (this.current !== next) release();
      throw error;
    }
    for (const name of [...this.platforms.keys()].filter((one) => !serving.includes(one))) {
      if (!fresh.platforms.includes(name)) await this.parts.switches.off(name);
      await this.remove(name);
    }
    for (const name of fresh.platforms.filter((one) => !serving.includes(one))) await this.add(next, name, provision);
    this.watchOver(moves.map(({ platform }, at) => ({ platform: platform.name, generation: platform.generation!, tally: platform.tallyOf(platform.generation!), before: before[at]! })), onTrouble);
    return { proof, watchedMs: settings.watchMs };
  }

  /** @returns for a person, what its platforms made of it, the same once only */
  async tell(change: DependencyChange): Promise<string> {
    const outcomes = await Promise.all([...this.platforms.values()].map(({ sandboxed }) => sandboxed.tell(change)));
    return [...new Set(outcomes)].join('; ');
  }

  /** Its platforms finish what they have in hand and go. */
  async stop(): Promise<void> {
    this.watch?.stop();
    await Promise.all([...this.platforms.keys()].map((name) => this.remove(name)));
    this.release();
  }

  private watchOver(watched: Watched[], onTrouble: (reason: string) => void) {
    if (this.parts.settings.watchMs > 0 && watched.length > 0) this.watch = new SwapWatch(watched, this.parts.settings, onTrouble);
  }

  private async add(runnable: Runnable, name: string, { config, secrets }: Provision): Promise<void> {
    const platform = new RunningPlatform(this.parts.sandbox, specOf(runnable, name, config, secrets), (incident) => this.parts.onIncident(runnable.name, incident));
    this.platforms.set(name, platform);
    await this.parts.switches.on(name);
    await this.parts.runner.add(platform.definition);
  }

  private async remove(name: string): Promise<void> {
    await this.parts.runner.remove(name);
    this.platforms.delete(name);
  }
}
