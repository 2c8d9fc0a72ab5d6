import { access, chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AddressRanges } from '@conductor/config';
import type { PluginHealth, ProcessPoolView } from '@conductor/contracts';
import type { DependencyChange, PlatformContext } from '@conductor/platform-kit';
import { type EgressFigures, EgressProxy } from './egress/egress-proxy';
import { GrantedPathMoved, openGrantedPaths } from './granted-paths';
import type { Incidents } from './incidents';
import { HookFailed } from './process/child-link';
import { DataFolderWatch } from './process/data-folder-watch';
import { HostOperations } from './process/host-operations';
import type { MetricNames } from './process/metric-names';
import type { OutputLog } from './process/output-log';
import type { ProcessEnd } from './process/process-end';
import { NotLoaded, ProcessPool } from './process/process-pool';
import { type ProcessFigures, SandboxProcess } from './process/sandbox-process';
import type { RunPlaces } from './process/start-frame';
import { isAlive } from './process/usage';
import { askHealth, SEVERITY } from './process-health';
import type { Sandbox } from './sandbox';
import type { GenerationSpec } from './spec';

export interface GenerationPorts {
  readonly context: () => PlatformContext;
  readonly incidents: Incidents;
  readonly output: OutputLog;
  readonly metricNames: MetricNames;
  /** How many processes are wanted at its beginning; `resize` changes it. */
  readonly poolSize?: number | undefined;
}

export interface GenerationFigures {
  readonly id: string;
  readonly version: string;
  readonly loaded: boolean;
  readonly inFlight: number;
  readonly starts: number;
  readonly restarts: number;
  readonly needsAttention?: string | undefined;
  readonly latestEnd?: ProcessEnd | undefined;
  readonly processes: ProcessFigures[];
  readonly egress?: EgressFigures | undefined;
}

/** What was found when a generation had been closed. */
export interface ClosureProof {
  readonly generation: string;
  /** Processes that it had at the end, all of them gone unless `leftovers` says otherwise. */
  readonly processes: number[];
  /** What should be gone and is not, for a person; empty when all is well. */
  readonly leftovers: string[];
}

/** An end of its process is worth mentioning in its health for this long. */
const RECENT_MS = 30_000;

/**
 * One immutable version of a plugin's platform, with the processes that run it. It has no process until one is wanted. Several
 * generations of a platform can stand side by side.
 */
export class Generation {
  private readonly pool: ProcessPool;
  private readonly dataFolder: DataFolderWatch;
  private readonly incidents: Incidents;
  /** Processes that were started and not yet seen to be gone. */
  private readonly unproven = new Set<SandboxProcess>();
  private readonly started: number[] = [];
  private working = 0;
  private usedAt = Date.now();
  private idleTimer?: NodeJS.Timeout;
  private readonly drained = new Set<() => void>();
  private closing?: Promise<ClosureProof>;

  private constructor(
    readonly spec: GenerationSpec,
    private readonly sandbox: Sandbox,
    private readonly run: string,
    private readonly egress: EgressProxy | undefined,
    places: Omit<RunPlaces, 'granted'>,
    ports: GenerationPorts,
  ) {
    this.incidents = ports.incidents;
    const { settings } = spec;
    const operations = new HostOperations(ports.context, ports.metricNames, (kind, detail) => ports.incidents.report(kind, detail, { generation: spec.id }));
    const parts = { spec, settings: sandbox.settings, means: sandbox.means, image: sandbox.image, operations, incidents: ports.incidents, output: ports.output };
    this.dataFolder = new DataFolderWatch(places.data, sandbox.settings.dataFolder, sandbox.settings.dataFolder.everyMs, (reason) => {
      for (const process of this.pool.list) process.kill('files', reason);
    });
    const start = async () => {
      // It would be ended again at once.
      const excess = this.dataFolder.excess === undefined ? undefined : await this.dataFolder.look();
      if (excess !== undefined) throw needsAPerson(`${excess}: remove what is not needed from ${places.data}, then restart the platform`);
      const process = await SandboxProcess.start({ ...parts, places: { ...places, granted: await this.openGranted() }, instance: ports.context().instance, born: (newborn) => this.lookAfter(newborn) });
      this.started.push(process.pid);
      return process;
    };
    this.pool = new ProcessPool(start, { processes: settings.instances, concurrency: settings.concurrency }, sandbox.settings, ports.poolSize);
  }

  /** Makes its places and its way out. No code of it runs yet. @throws WallsMissing */
  static async open(sandbox: Sandbox, spec: GenerationSpec, ports: GenerationPorts): Promise<Generation> {
    sandbox.assertWalls();
    const uid = sandbox.means.ownUser ? sandbox.uidOf(spec.plugin) : (process.getuid?.() ?? 0);
    // Not in the home: the path of a socket may have some hundred characters at most. Named after us, so that another host knows it for a leftover.
    const run = await mkdtemp(join(tmpdir(), `conductor-plugin-${process.pid}-`));
    await chmod(run, 0o711);
    const root = join(run, 'root');
    await mkdir(root);
    const egress =
      spec.granted.net.length === 0
        ? undefined
        : await EgressProxy.open(join(run, 'egress'), spec.granted.net, {
            report: (detail) => ports.incidents.report('network-refused', detail, { generation: spec.id }),
            allowed: new AddressRanges(sandbox.settings.egressAllowed),
            ...(sandbox.means.ownUser && { uid }),
          });
    const places = { root, data: await sandbox.dataFolder(spec.plugin, spec.platform), egress: egress?.path, uid };
    const generation = new Generation(spec, sandbox, run, egress, places, ports);
    generation.unloadWhenIdle();
    return generation;
  }

  get inFlight(): number {
    return this.working;
  }

  get isLoaded(): boolean {
    return this.pool.list.some(({ isUsable }) => isUsable);
  }

  get needsAttention(): string | undefined {
    return this.pool.needsAttention;
  }

  /** So many processes are wanted while there is work; undefined: as many as it needs. */
  resize(poolSize: number | undefined): void {
    this.pool.resize(poolSize);
  }

  poolView(): ProcessPoolView {
    const { taking, list } = this.pool;
    const idlest = taking.length > 0 ? { idlestInFlight: Math.min(...taking.map(({ inHand }) => inHand)) } : {};
    return { running: taking.length, most: this.spec.settings.instances, ...idlest, rssMb: list.reduce((sum, process) => sum + process.figures().rssMb, 0) };
  }

  /** Has a process ready. @throws NotLoaded, with what `initialize` threw as its cause */
  load(signal?: AbortSignal): Promise<void> {
    return this.pool.load(signal);
  }

  /** @throws HookFailed, LinkClosed, or NotLoaded, also when the signal aborts before it was begun */
  carryOut(hook: 'request' | 'webhook', input: unknown, signal: AbortSignal): Promise<unknown> {
    let begun = false;
    const work = (process: SandboxProcess) => {
      begun = true;
      return process.carryOut(hook, input, signal);
    };
    return this.counted(() =>
      this.pool.use(work, signal).catch((error: unknown) => {
        throw !begun && signal.aborted ? new NotLoaded('it was still being started when the time for the message was over', false, { cause: error }) : error;
      }),
    );
  }

  /** How it is: what its processes say, and what became of them. Asks nothing of a plugin that is not loaded. */
  async check(signal: AbortSignal): Promise<PluginHealth> {
    const { needsAttention, latestEnd, pausedUntil } = this.pool;
    if (needsAttention !== undefined) return { status: 'needs-attention', reason: needsAttention };
    const processes = this.pool.list.filter(({ isUsable }) => isUsable);
    const details = { loaded: processes.length > 0, processes: processes.length, version: this.spec.version };
    if (processes.length === 0 && latestEnd && latestEnd.kind !== 'stopped') {
      // Nobody sends messages to a failed platform, so it must find out by itself that it works again.
      if (pausedUntil === 0) void this.load().catch(() => {});
      return { status: 'failed', reason: latestEnd.reason, details };
    }
    const answers = await Promise.all(processes.map((process) => askHealth(process, signal)));
    const worst = answers.sort((a, b) => SEVERITY.indexOf(b.status) - SEVERITY.indexOf(a.status))[0] ?? { status: 'ok' };
    if (worst.status === 'ok' && latestEnd && latestEnd.kind !== 'stopped' && Date.now() - latestEnd.at < RECENT_MS) {
      return { status: 'degraded', reason: `${Math.round((Date.now() - latestEnd.at) / 1_000)} s ago ${latestEnd.reason}`, details: { ...worst.details, ...details } };
    }
    return { ...worst, details: { ...worst.details, ...details } };
  }

  /**
   * Tells its processes that a plugin it depends on has changed. One without a process starts beside the new one anyway.
   * @returns how many were told and what went wrong at others, for a person
   */
  async tell(change: DependencyChange): Promise<{ told: number; failures: string[] }> {
    const ends = await Promise.allSettled((await this.pool.usable()).map((process) => process.tell(change, this.sandbox.settings.tellMs)));
    const failures = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason instanceof Error ? end.reason.message : String(end.reason)] : []));
    return { told: ends.filter((end) => end.status === 'fulfilled' && end.value).length, failures };
  }

  /** Ends its processes; the next message starts one. */
  async unload(): Promise<void> {
    await this.pool.unload();
  }

  /** Waits until nothing is in hand. @returns how much still was when the time was up */
  async drain(deadlineMs: number): Promise<number> {
    if (this.working === 0) return 0;
    let timer: NodeJS.Timeout | undefined;
    let empty!: () => void;
    await Promise.race([
      new Promise<void>((resolve) => this.drained.add((empty = resolve))),
      new Promise((resolve) => {
        timer = setTimeout(resolve, deadlineMs);
      }),
    ]);
    clearTimeout(timer);
    this.drained.delete(empty);
    return this.working;
  }

  /** Ends its processes, lets go of all it held, and looks whether it is really gone. A second call gets the same proof. */
  close(): Promise<ClosureProof> {
    return (this.closing ??= this.closeOnce());
  }

  figures(): GenerationFigures {
    return {
      id: this.spec.id,
      version: this.spec.version,
      loaded: this.isLoaded,
      inFlight: this.working,
      starts: this.pool.starts,
      restarts: this.pool.restarts,
      needsAttention: this.pool.needsAttention,
      latestEnd: this.pool.latestEnd,
      processes: this.pool.list.map((process) => process.figures()),
      egress: this.egress?.figures,
    };
  }

  private async closeOnce(): Promise<ClosureProof> {
    clearInterval(this.idleTimer);
    this.dataFolder.close();
    await this.pool.close();
    await this.egress?.close();
    await rm(this.run, { recursive: true, force: true });
    const leftovers = [
      ...[...this.unproven].filter(({ pid }) => isAlive(pid)).map(({ pid }) => `process ${pid}`),
      ...(this.egress && this.egress.figures.open > 0 ? [`${this.egress.figures.open} connections`] : []),
      ...((await access(this.run).then(() => true, () => false)) ? [`its folder ${this.run}`] : []),
    ];
    return { generation: this.spec.id, processes: this.started, leftovers };
  }

  /** Looked at in the moment of its end: later its number may be another's. */
  private lookAfter(process: SandboxProcess): void {
    this.sandbox.watch(process);
    this.unproven.add(process);
    void process.ended.then(() => isAlive(process.pid) || this.unproven.delete(process));
  }

  private async openGranted(): Promise<RunPlaces['granted']> {
    try {
      const [read, write] = await Promise.all([openGrantedPaths(this.spec.granted.fs.read), openGrantedPaths(this.spec.granted.fs.write)]);
      return { read, write };
    } catch (error) {
      if (!(error instanceof GrantedPathMoved)) throw error;
      this.incidents.report('files', error.message, { generation: this.spec.id });
      throw needsAPerson(error.message);
    }
  }

  private async counted<T>(work: () => Promise<T>): Promise<T> {
    this.working++;
    try {
      return await work();
    } finally {
      this.usedAt = Date.now();
      if (--this.working === 0) this.drained.forEach((empty) => empty());
    }
  }

  private unloadWhenIdle(): void {
    const { load, idleUnloadMs = this.sandbox.settings.idleUnloadMs } = this.spec.settings;
    if (load === 'eager') return;
    const look = () => {
      if (this.working === 0 && Date.now() - this.usedAt >= idleUnloadMs) void this.pool.unload();
    };
    this.idleTimer = setInterval(look, Math.max(50, Math.min(idleUnloadMs / 4, 5_000))).unref();
  }
}

/** Starting again changes nothing before somebody has looked. */
const needsAPerson = (message: string) => new HookFailed({ kind: 'setup', retryable: false, message });
