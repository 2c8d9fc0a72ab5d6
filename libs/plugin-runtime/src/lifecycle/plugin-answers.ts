import type { DiscoveryView, GenerationView, MissingSecret, PluginInspection, PluginLogs, PluginResources, PluginStatus, PluginView, ResolutionView, SandboxView } from '@conductor/contracts';
import { CommandRefused } from '@conductor/control';
import { resolveInTurns } from '../resolution/resolve';
import { OutputLog } from '../sandbox/process/output-log';
import { dependantsOf } from './plan';
import type { PluginRegistry } from './plugin-registry';
import { refuse } from './refusals';
import { grantedTo } from './runnable';
import type { RunningPlatform } from './running-platform';
import type { RunningPlugin } from './running-plugin';
import { missingSecrets } from './secrets-in-use';

/** What people ask about plugins. Nothing is changed by it. */
export class PluginAnswers {
  constructor(private readonly registry: PluginRegistry) {}

  private get parts() {
    return this.registry.parts;
  }

  async list(): Promise<PluginView[]> {
    return Promise.all(this.names().map((name) => this.viewOf(name)));
  }

  /** @throws CommandRefused when nobody has heard of it */
  async show(name: string): Promise<PluginView> {
    if (!this.names().includes(name)) throw new CommandRefused('not-found', `There is no plugin ${name} in any plugin folder. POST /v1/plugins/discover looks again.`);
    return this.viewOf(name);
  }

  private async viewOf(name: string): Promise<PluginView> {
    const plugin = this.registry.running.get(name);
    const wish = this.parts.wishes.of(name);
    const version = plugin?.version ?? this.registry.wishedVersion(name, wish);
    const versions = this.parts.shelf.versionsOf(name);
    const shown = versions.find((one) => one.version === version) ?? versions[0];
    const settings = plugin?.runnable.manifest.conductor ?? shown?.manifest.conductor;
    const asked = settings?.permissions.secrets ?? [];
    const given = asked.length === 0 ? [] : await this.parts.secrets.names(name);
    const approval = plugin?.runnable.approval;
    const granted = (version === undefined ? undefined : this.parts.lock.approval(name, version)?.secrets) ?? [];
    return {
      name,
      ...this.stateWithSecrets(name, plugin, missingSecrets(name, asked, granted, given)),
      enabled: wish?.enabled ?? false,
      ...(plugin && { version: plugin.version }),
      ...(wish?.enabled && version !== undefined && { wanted: version }),
      ...(wish?.previous !== undefined && { previous: wish.previous }),
      ...(settings && { load: settings.load, exclusive: settings.exclusive }),
      platforms: plugin?.states() ?? [],
      releases: this.parts.shelf.views(name),
      problems: this.parts.catalogue.list.flatMap((one) => (one.name === name && one.state !== 'valid' ? [{ folder: one.folder, problems: one.problems }] : [])),
      dependsOn: Object.entries(settings?.dependsOn ?? {}).map(([other, range]) => ({ name: other, range, state: this.stateOf(other, this.registry.running.get(other)).state })),
      dependants: [...dependantsOf(name, this.inUse(), this.inUse())],
      ...(approval && { permissions: grantedTo(approval) }),
      secrets: asked.map((secret) => ({ name: secret, granted: granted.includes(secret), given: given.includes(secret) })),
      incidents: sum([...(plugin?.platforms.values() ?? [])].map(({ sandboxed }) => sandboxed.incidents.counts())),
    };
  }

  async discover(): Promise<DiscoveryView> {
    const startedAt = performance.now();
    const change = await this.parts.catalogue.rescan();
    const named = (list: ReadonlyArray<{ name?: string | undefined; version?: string | undefined; folder: string }>) => list.map(({ name, version, folder }) => (name === undefined ? folder : `${name} ${version ?? ''}`.trim()));
    const bad = this.parts.catalogue.list.flatMap((one) => (one.state === 'valid' ? [] : [{ folder: one.folder, ...(one.name !== undefined && { name: one.name }), state: one.state, problems: one.problems }]));
    return {
      tookMs: Math.round(performance.now() - startedAt),
      plugins: this.parts.catalogue.valid.length,
      invalid: bad,
      added: named(change.added),
      removed: named(change.removed),
      changed: named(change.changed.map(({ after }) => after)),
    };
  }

  async resolve(wanted: ReadonlyArray<{ name: string; range: string }>): Promise<ResolutionView> {
    const resolution = await resolveInTurns(wanted, this.parts.shelf.releases(), { locked: this.parts.lock.versions });
    if (!resolution.ok) return { ok: false, plugins: [], code: resolution.code, reason: resolution.reason, because: [...resolution.because], argument: [...resolution.argument] };
    const plugins = resolution.plugins.map(({ name, version, askedBy, after }) => ({ name, version, askedBy: askedBy.map((one) => ({ ...one, by: one.by })), after: [...after] }));
    return { ok: true, plugins: JSON.parse(JSON.stringify(plugins)) as ResolutionView['plugins'], because: [], argument: [] };
  }

  /** All that a person should know before they approve it. */
  async inspect(name: string, version: string | undefined): Promise<PluginInspection> {
    const found = this.parts.shelf.versionsOf(name).find((one) => one.found && (version === undefined || one.version === version))?.found;
    if (!found) throw new CommandRefused('not-found', version === undefined ? `There is no plugin ${name} in any plugin folder.` : `${name} ${version} does not lie in any plugin folder.`);
    return this.parts.approvals.inspect(found).catch(refuse);
  }

  /** @param after only what was written after this position, the oldest first; absent: the newest */
  logs(name: string, limit: number, after?: number): PluginLogs {
    const outputs = this.mustRun(name).map(({ sandboxed }) => sandboxed.output.after(after ?? 0));
    const all = outputs.flatMap((output) => output.lines).sort((a, b) => a.position - b.position);
    const lines = after === undefined ? all.slice(-limit) : all.slice(0, limit);
    const pushedOut = outputs.reduce((total, output) => total + output.pushedOut, 0);
    return { lines, pushedOut, position: lines.length < all.length ? lines.at(-1)!.position : OutputLog.latest, gap: after !== undefined && outputs.some(({ gap }) => gap) };
  }

  resources(name: string): PluginResources {
    const platforms = this.mustRun(name);
    return { generations: platforms.flatMap(generationsOf), incidents: platforms.flatMap(({ sandboxed }) => sandboxed.incidents.list().map((one) => ({ ...one }))) };
  }

  sandbox(): SandboxView {
    const { walls, settings } = this.parts.sandbox;
    const { refusal } = this.parts.sandbox;
    return { strict: settings.strict, allowMissing: [...settings.allowMissing], ...(refusal !== undefined && { refusal }), walls: walls.walls.map(({ name, up, stops, reason, required }) => ({ name, up, stops, reason, required })), complete: walls.missing.length === 0 };
  }

  stateOf(name: string, plugin = this.registry.running.get(name)): { state: PluginStatus; reason: string } {
    const busy = this.registry.busyWith(name);
    if (plugin) {
      if (busy !== undefined) return { state: 'swapping', reason: busy };
      const states = plugin.states();
      const worst = states.toSorted((a, b) => SEVERITY.indexOf(b.state) - SEVERITY.indexOf(a.state))[0];
      const trouble = this.registry.troubleOf(name);
      if (!worst) return { state: 'failed', reason: 'it has no platform' };
      return { state: STATUS[worst.state] ?? 'starting', reason: trouble ? `${worst.reason}; but it ${trouble.reason}` : worst.reason };
    }
    const trouble = this.registry.troubleOf(name);
    if (trouble) return { state: trouble.state, reason: trouble.reason };
    if (this.parts.wishes.of(name)?.enabled) return { state: 'starting', reason: busy ?? 'its turn comes' };
    if (!this.parts.catalogue.valid.some((one) => one.name === name) && this.parts.lock.approvals(name).length === 0) return { state: 'invalid', reason: 'what lies there cannot be used: see `problems`' };
    const approved = this.parts.lock.approvals(name).length > 0;
    return { state: 'available', reason: approved ? 'not in use: load it when it is wanted' : 'not in use, and no version of it was approved' };
  }

  private names(): string[] {
    return [...new Set([...this.parts.shelf.names(), ...this.registry.running.keys()])].sort();
  }

  private inUse() {
    return [...this.registry.running.values()].map(({ name, version, runnable }) => ({ name, version, dependsOn: runnable.manifest.conductor.dependsOn }));
  }

  /** A plugin that does not work knows what it lacks, but not how far that came since it began. */
  private stateWithSecrets(name: string, plugin: RunningPlugin | undefined, missing: readonly MissingSecret[]): { state: PluginStatus; reason: string } {
    const { state, reason } = this.stateOf(name, plugin);
    if (!plugin || state === 'running' || state === 'swapping' || missing.length === 0) return { state, reason };
    return { state, reason: `${reason}. Missing: ${missing.map((one) => `${one.name} (${one.todo})`).join('; ')}` };
  }

  private mustRun(name: string) {
    const plugin = this.registry.running.get(name);
    if (!plugin) throw new CommandRefused('not-found', `${name} does not run: ${this.stateOf(name).reason}.`);
    return [...plugin.platforms.values()];
  }
}

const SEVERITY = ['ready', 'degraded', 'recovering', 'registered', 'starting', 'suspended', 'disabled', 'failed', 'needs-attention'];
const STATUS: Record<string, PluginStatus> = { ready: 'running', degraded: 'degraded', recovering: 'degraded', registered: 'starting', starting: 'starting', suspended: 'waiting', disabled: 'waiting', failed: 'failed', 'needs-attention': 'failed' };

const generationsOf = ({ sandboxed }: RunningPlatform): GenerationView[] =>
  sandboxed.figures().generations.map((one) => ({
    id: one.id,
    platform: sandboxed.definition.name,
    version: one.version,
    serving: one.id === sandboxed.generation?.spec.id,
    loaded: one.loaded,
    inFlight: one.inFlight,
    starts: one.starts,
    restarts: one.restarts,
    processes: one.processes.map(({ generation: _, ...figures }) => figures),
    ...(one.latestEnd && { latestEnd: { reason: one.latestEnd.reason, at: one.latestEnd.at } }),
  }));

const sum = (counts: Array<Partial<Record<string, number>>>): Record<string, number> => {
  const total: Record<string, number> = {};
  for (const each of counts) for (const [kind, count] of Object.entries(each)) total[kind] = (total[kind] ?? 0) + (count ?? 0);
  return total;
};
