import type { SandboxSettings } from '../spec';
import { HookFailed } from './child-link';
import { orAborted } from './or-aborted';
import type { ProcessEnd } from './process-end';
import type { SandboxProcess } from './sandbox-process';

const MINUTE_MS = 60_000;
const LONGEST_PAUSE_MS = 30_000;

/** No process could be had, so the plugin was not asked. */
export class NotLoaded extends Error {
  override readonly name = 'NotLoaded';

  /** @param needsAttention starting again changes nothing before a person has */
  constructor(message: string, readonly needsAttention: boolean, options?: ErrorOptions) {
    super(message, options);
  }
}

export interface PoolSize {
  /** Most processes. */
  readonly processes: number;
  /** Messages in hand at once, per process, before another one is started. */
  readonly concurrency: number;
}

/**
 * The processes of one generation. None is there until one is wanted; then as many as the work needs, up to the cap, or as many as
 * somebody wishes for. One that ends unasked is replaced after a pause that grows; too many such ends, and the pool rests until a
 * person looks.
 */
export class ProcessPool {
  private readonly processes = new Set<SandboxProcess>();
  /** Too many by a wish: they get nothing more, and end when what they have in hand is done; then they are on their way out. */
  private readonly surplus = new Set<SandboxProcess>();
  private readonly leaving = new Set<SandboxProcess>();
  private wished: number | undefined;
  private starting?: Promise<SandboxProcess> | undefined;
  /** Unwanted ends and failed starts within the last minute (epoch ms). */
  private unwanted: number[] = [];
  private startableAt = 0;
  private attention?: string | undefined;
  private closed = false;
  latestEnd?: ProcessEnd | undefined;
  starts = 0;
  restarts = 0;

  constructor(
    private readonly start: () => Promise<SandboxProcess>,
    private readonly size: PoolSize,
    private readonly settings: Pick<SandboxSettings, 'restartBaseMs' | 'quarantineAfter'>,
    wished?: number,
  ) {
    this.wished = wished;
  }

  get list(): SandboxProcess[] {
    return [...this.processes];
  }

  get isEmpty(): boolean {
    return this.processes.size === 0 && this.starting === undefined;
  }

  /** Why a person must look, undefined when nobody must. */
  get needsAttention(): string | undefined {
    return this.attention;
  }

  /** When the next start may be tried (epoch ms), 0 when it may be now. */
  get pausedUntil(): number {
    return this.startableAt > Date.now() ? this.startableAt : 0;
  }

  /**
   * Gives the work to the process with the least in hand; the first work starts one, and all that comes meanwhile waits for the same.
   * @throws NotLoaded, or the signal's reason when there was no process by then, and what the work throws
   */
  async use<T>(work: (process: SandboxProcess) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const process = this.idlest() ?? (await this.started(signal));
    // Counted in the moment of its choice: what comes in the same moment goes elsewhere.
    process.inHand++;
    try {
      return await work(process);
    } finally {
      process.inHand--;
      this.endSurplus();
    }
  }

  /**
   * So many are wanted while there is work, within the cap; undefined: as many as the work needs. More start at once; of too many
   * the idlest go first, each when its work is done.
   */
  resize(wished: number | undefined): void {
    if (wished === this.wished) return;
    const grows = (wished ?? 0) > (this.wished ?? this.taking.length);
    this.wished = wished;
    this.takeBack();
    this.trim();
    if (grows) this.fill();
  }

  /** Those that take work. */
  get taking(): SandboxProcess[] {
    return this.list.filter((process) => process.isUsable && !this.surplus.has(process) && !this.leaving.has(process));
  }

  /** Has a process ready. @throws as `use` */
  async load(signal?: AbortSignal): Promise<void> {
    if (!this.idlest()) await orAborted(this.startOne(), signal);
  }

  /** All that can be asked, also the one that is just being started. */
  async usable(): Promise<SandboxProcess[]> {
    await this.starting?.catch(() => {});
    return this.list.filter(({ isUsable }) => isUsable);
  }

  /** Ends all processes in good order; the next call starts a new one. */
  async unload(): Promise<ProcessEnd[]> {
    await this.starting?.catch(() => {});
    return Promise.all(this.list.map((process) => process.stop()));
  }

  async close(): Promise<ProcessEnd[]> {
    this.closed = true;
    return this.unload();
  }

  private idlest(): SandboxProcess | undefined {
    const [idlest] = this.taking.sort(byInHand);
    const isBusy = idlest !== undefined && idlest.inHand >= this.size.concurrency;
    // The next ones find it there; this one does not wait for it.
    if (isBusy && this.wished === undefined && this.hasRoom && !this.starting && this.pausedUntil === 0) void this.startOne().catch(() => {});
    if (idlest) this.fill();
    return idlest;
  }

  /** Also those that are on their way out count: the cap is for the machine. */
  private get hasRoom(): boolean {
    return this.processes.size < this.size.processes;
  }

  /** Starts what is missing to the wish, one after the other, without anybody waiting for it. */
  private fill(): void {
    const isMissing = this.wished !== undefined && this.taking.length < this.wished && this.hasRoom;
    if (isMissing && !this.starting && !this.closed && this.attention === undefined && this.pausedUntil === 0) void this.startOne().catch(() => {});
  }

  /** What was too many and still works may stay, where more are wanted again. */
  private takeBack(): void {
    const missing = Math.min(this.wished ?? Infinity, this.size.processes) - this.taking.length;
    for (const process of [...this.surplus].slice(0, Math.max(0, missing))) this.surplus.delete(process);
  }

  private trim(): void {
    const tooMany = this.taking.length - Math.max(1, this.wished ?? Infinity);
    for (const process of this.taking.sort(byInHand).slice(0, Math.max(0, tooMany))) this.surplus.add(process);
    this.endSurplus();
  }

  private endSurplus(): void {
    for (const process of [...this.surplus].filter(({ inHand }) => inHand === 0)) {
      this.surplus.delete(process);
      this.leaving.add(process);
      void process.stop();
    }
  }

  /** The one that was waited for, unless too many had been started by then. */
  private async started(signal?: AbortSignal): Promise<SandboxProcess> {
    const process = await orAborted(this.startOne(), signal);
    return this.taking.sort(byInHand)[0] ?? process;
  }

  private startOne(): Promise<SandboxProcess> {
    if (this.closed) return Promise.reject(new NotLoaded('this generation is closed', false));
    if (this.attention !== undefined) return Promise.reject(new NotLoaded(this.attention, true));
    return (this.starting ??= this.startAfterPause().finally(() => delete this.starting).then((process) => {
      this.trim();
      this.fill();
      return process;
    }));
  }

  private async startAfterPause(): Promise<SandboxProcess> {
    const pauseMs = this.startableAt - Date.now();
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs).unref());
    if (this.closed) throw new NotLoaded('this generation is closed', false);
    this.starts++;
    if (this.unwanted.length > 0) this.restarts++;
    try {
      const process = await this.start();
      this.processes.add(process);
      void process.ended.then((end) => this.lost(process, end));
      return process;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const forGood = error instanceof HookFailed && error.failure.kind === 'setup' && !error.failure.retryable;
      this.latestEnd = { kind: 'start-failed', reason: message, at: Date.now() };
      if (forGood) this.attention = message;
      else this.backOff(message);
      throw new NotLoaded(message, this.attention !== undefined, { cause: error });
    }
  }

  private lost(process: SandboxProcess, end: ProcessEnd): void {
    this.processes.delete(process);
    this.surplus.delete(process);
    this.leaving.delete(process);
    this.latestEnd = end;
    // One that was let go has nothing to make up for, whatever became of those before it.
    if (end.kind === 'stopped') return;
    this.backOff(end.reason);
  }

  /** The first end within a minute costs no pause: most are a matter of one message. */
  private backOff(reason: string): void {
    const now = Date.now();
    this.unwanted = [...this.unwanted.filter((at) => now - at < MINUTE_MS), now];
    const times = this.unwanted.length;
    if (times >= this.settings.quarantineAfter) this.attention = `it ended ${times} times within a minute and is not started again before a person has looked (restart the platform when it is mended); the latest: ${reason}`;
    this.startableAt = times < 2 ? 0 : now + Math.min(LONGEST_PAUSE_MS, this.settings.restartBaseMs * 2 ** (times - 2)) * (0.75 + Math.random() / 2);
  }
}

const byInHand = (a: SandboxProcess, b: SandboxProcess): number => a.inHand - b.inHand;
