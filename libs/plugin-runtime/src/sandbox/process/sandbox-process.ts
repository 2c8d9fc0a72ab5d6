import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Duplex, Readable } from 'node:stream';
import type { DependencyChange } from '@conductor/platform-kit';
import type { GenerationSpec, SandboxSettings } from '../spec';
import type { IncidentKind, Incidents } from '../incidents';
import type { Cgroup } from '../walls/cgroups';
import type { LaunchMeans } from '../walls/launch';
import { Alarm } from './alarm';
import { ChildLink, LinkClosed } from './child-link';
import type { HostOperations } from './host-operations';
import { ObservedProcess } from './observed-process';
import { captureOutput } from './output-capture';
import { orAborted } from './or-aborted';
import type { OutputLog } from './output-log';
import { explainEnd, type ProcessEnd } from './process-end';
import type { Hook } from './protocol';
import type { RuntimeImage } from './runtime-image';
import { ALARM, PROTOCOL, spawnProcess } from './spawn-process';
import { type RunPlaces, startFrame } from './start-frame';
import { childrenOf, endAll, isAlive, type Usage } from './usage';

export interface ProcessParts {
  readonly spec: GenerationSpec;
  readonly settings: SandboxSettings;
  readonly means: LaunchMeans;
  readonly image: RuntimeImage;
  readonly places: RunPlaces;
  readonly operations: HostOperations;
  readonly incidents: Incidents;
  readonly output: OutputLog;
  /** Name of the platform's instance, for the plugin to know. */
  readonly instance: string;
  /** Gets the process as soon as it is there, to look after it. */
  readonly born: (process: SandboxProcess) => void;
}

export interface ProcessFigures extends Usage {
  readonly pid: number;
  readonly generation: string;
  readonly startedAt: number;
  readonly requests: number;
  readonly inFlight: number;
  /** Processor time while messages were in hand, per message: all of them, and the one that cost the most. */
  readonly requestsCpuMs: number;
  readonly cpuMsPerRequest: number;
  readonly largestRequestCpuMs: number;
  /** How long its event loop took to answer. */
  readonly lagMs: number;
}

const LEAVE_MS = 1_000;
/** From the end of its pipe to its own. */
const DEAF_MS = 500;
const FORCE_MS = 1_000;
/** After these, nothing that the process says counts any more. */
const UNBELIEVABLE: ReadonlySet<IncidentKind> = new Set(['protocol-violation', 'flood']);
/** What was answered and reported at last is on its way when a process has ended. */
const HEARD_MS = 500;

/** One process of one plugin: started behind the walls, called hook by hook, watched, and ended. */
export class SandboxProcess {
  readonly startedAt = Date.now();
  /** Resolves when it is gone, whoever wished it. */
  readonly ended: Promise<ProcessEnd>;
  readonly link: ChildLink;
  /** Messages that were given to it and did not end. */
  inHand = 0;
  requests = 0;
  /** Its plugin wants to hear when one that it depends on changes. */
  private hears = false;
  private hearing = false;
  private nodePid: number | undefined;
  private ending?: Omit<ProcessEnd, 'at'>;
  private spawnError?: Error;
  private initialized = false;
  private isDeaf = false;
  private observed?: ObservedProcess;
  private readonly alarm: Alarm;

  private constructor(
    private readonly parts: ProcessParts,
    private readonly child: ChildProcess,
    private readonly cgroup: Cgroup | undefined,
  ) {
    const { operations, settings, incidents, spec } = parts;
    child.on('error', (error) => (this.spawnError = error));
    const report = (kind: IncidentKind, detail: string) => incidents.report(kind, detail, { generation: spec.id, pid: this.pid });
    this.link = new ChildLink(child.stdio[PROTOCOL] as Duplex, settings.maxFrameBytes, {
      answer: (ask) => operations.answer(ask),
      log: (frame) => {
        parts.output.add({ at: Date.now(), stream: 'log', generation: spec.id, pid: this.pid, text: `${frame.level}: ${frame.message}` });
        operations.log(frame);
      },
      metric: (frame) => operations.metric(frame),
      report,
      violated: (kind, detail) => this.kill(kind, detail),
    });
    for (const stream of ['stdout', 'stderr'] as const) {
      captureOutput(child[stream] as Readable, (text) => parts.output.add({ at: Date.now(), stream, generation: spec.id, pid: this.pid, text }), (detail) => report('output-flood', detail));
    }
    this.alarm = new Alarm(child.stdio[ALARM] as Readable, { report, violated: (kind, detail) => this.kill(kind, detail), isLatestPing: (id) => this.link.isLatestPing(id) });
    this.ended = this.untilGone();
    // Mostly its process is ending, and how it ended says more. One that goes on without its pipes is of no use.
    const deaf = (which: string) => {
      this.isDeaf = true;
      setTimeout(() => this.kill('ended', `it closed the pipe ${which}`), DEAF_MS).unref();
    };
    child.stdio[PROTOCOL]!.once('close', () => deaf('to the Conductor'));
    void this.alarm.heard.then(() => deaf('on which its attempts are reported'));
  }

  /**
   * Starts a process and lets the plugin in it initialize.
   * @throws HookFailed with what `initialize` threw, or an Error that says why it did not start
   */
  static async start(parts: ProcessParts): Promise<SandboxProcess> {
    const { spec, settings, means, image, places } = parts;
    const { child, cgroup } = spawnProcess(spec, means, image, places, parts.incidents);
    const process = new SandboxProcess(parts, child, cgroup);
    parts.born(process);
    const late = setTimeout(() => process.kill('start-failed', `it did not start within ${settings.startMs} ms`), settings.startMs);
    try {
      await Promise.race([process.link.ready, process.ended.then(({ reason }) => Promise.reject(new Error(reason)))]);
      process.observe(means.enclosed ? childrenOf(child.pid!)[0] : child.pid);
      await process.initialize();
      return process;
    } catch (error) {
      const end = await process.end('start-failed');
      throw error instanceof LinkClosed ? new Error(end.reason) : error;
    } finally {
      clearTimeout(late);
    }
  }

  get pid(): number {
    return this.nodePid ?? this.child.pid ?? 0;
  }

  get isUsable(): boolean {
    return this.initialized && !this.isDeaf && this.ending === undefined;
  }

  /**
   * Hands a message, or a webhook, to the plugin. When the signal aborts, the plugin is told; one that is still busy with it after
   * twice the time that its manifest asks for is ended with its process. A shorter deadline of the sender's is no reason: others have messages in there.
   * @throws HookFailed, or LinkClosed
   */
  async carryOut(hook: Extract<Hook, 'request' | 'webhook'>, input: unknown, signal: AbortSignal): Promise<unknown> {
    this.requests++;
    const share = this.observed?.processorTime.begin();
    const startedAt = performance.now();
    let missed: NodeJS.Timeout | undefined;
    const abort = () => {
      const ms = Math.round(performance.now() - startedAt);
      const fairMs = Math.max(ms, this.parts.spec.settings.requestTimeoutMs);
      missed = setTimeout(() => this.kill('deadline', `it was still busy with a message after twice the ${fairMs} ms that it may take`), Math.max(2 * fairMs - ms, 100));
    };
    signal.addEventListener('abort', abort, { once: true });
    try {
      return await this.link.call(hook, input, signal);
    } finally {
      clearTimeout(missed);
      signal.removeEventListener('abort', abort);
      if (share) this.observed?.processorTime.end(share);
    }
  }

  /**
   * Tells the plugin that one it depends on has changed, if it wants to know. Whatever its hook makes of it, its messages go on.
   * @returns whether it wanted to know
   * @throws Error that says what went wrong, at the latest when the time is up
   */
  async tell(change: DependencyChange, ms: number): Promise<boolean> {
    if (!this.hears) return false;
    // One that hangs in this hook does not collect more of it.
    if (this.hearing) throw new Error('it is still busy with an earlier change');
    this.hearing = true;
    const signal = AbortSignal.timeout(ms);
    const heard = this.link.call('dependency-changed', change, signal).finally(() => (this.hearing = false));
    heard.catch(() => {});
    await orAborted(heard, signal).catch((error: unknown) => {
      throw signal.aborted ? new Error(`it did not end within ${ms} ms`) : error;
    });
    return true;
  }

  /** Looks at memory, event loop and processor time. To be called several times a second. */
  watch(): void {
    if (this.ending) return;
    const reproach = this.observed?.look(this.link.lagMs, this.initialized);
    if (reproach) this.kill(reproach.kind, reproach.reason);
    else if (!this.alarm.answers(this.link.ponged)) this.kill('protocol-violation', 'it closed the pipe on which its attempts are reported');
    else if (this.initialized) this.link.ping();
  }

  figures(): ProcessFigures {
    const { rssMb = 0, cpuMs = 0 } = this.observed?.usage ?? {};
    const { totalMs = 0, largestMs = 0 } = this.observed?.processorTime ?? {};
    return {
      pid: this.pid,
      generation: this.parts.spec.id,
      startedAt: this.startedAt,
      rssMb,
      cpuMs,
      requests: this.requests,
      inFlight: this.inHand,
      requestsCpuMs: rounded(totalMs),
      cpuMsPerRequest: this.requests > 0 ? rounded(totalMs / this.requests) : 0,
      largestRequestCpuMs: rounded(largestMs),
      lagMs: rounded(this.link.lagMs),
    };
  }

  /** Lets the plugin shut down, then ends its process, by force if need be. */
  async stop(): Promise<ProcessEnd> {
    if (!this.ending && this.initialized) {
      const late = new Promise((resolve) => setTimeout(resolve, this.parts.settings.shutdownMs).unref());
      await Promise.race([this.link.call('shutdown', {}).catch(() => {}), late]);
    }
    return this.end('stopped');
  }

  /** Ends it at once; what it did is reported. */
  kill(kind: IncidentKind, reason: string): void {
    if (this.ending) return;
    this.ending = { kind, reason: `its process was ended: ${reason}` };
    this.parts.incidents.report(kind, reason, { generation: this.parts.spec.id, pid: this.pid });
    if (UNBELIEVABLE.has(kind)) this.link.close(this.ending.reason);
    else this.link.finish(this.ending.reason);
    this.signalAll();
  }

  /** From before the first line of the plugin runs in it. */
  private observe(pid: number | undefined): void {
    this.nodePid = pid;
    const { means, spec, settings, incidents } = this.parts;
    if (pid !== undefined) this.observed = new ObservedProcess(pid, means, spec, settings, (detail) => incidents.report('network-refused', detail, { generation: spec.id, pid }));
  }

  private async initialize(): Promise<void> {
    this.link.send(startFrame(this.parts));
    const about = await this.link.call('initialize', {});
    this.hears = (about as { dependencyChanged?: unknown } | null)?.dependencyChanged === true;
    this.initialized = true;
  }

  private async end(kind: 'stopped' | 'start-failed'): Promise<ProcessEnd> {
    this.ending ??= { kind, reason: kind === 'stopped' ? 'it was stopped' : 'it did not start' };
    this.link.finish(this.ending.reason);
    const force = setTimeout(() => this.signalAll(), LEAVE_MS);
    if (kind === 'start-failed') this.signalAll();
    const end = await this.ended;
    clearTimeout(force);
    return end;
  }

  private async untilGone(): Promise<ProcessEnd> {
    const [code, signal] = this.child.pid === undefined ? await once(this.child, 'error').then(() => [null, null]) : ((await once(this.child, 'exit')) as [number | null, NodeJS.Signals | null]);
    await Promise.race([Promise.all([this.alarm.heard, this.link.drained]), new Promise((resolve) => setTimeout(resolve, HEARD_MS).unref())]);
    for (const stream of this.child.stdio) stream?.destroy();
    this.observed?.close();
    // What it may have started, where that was granted.
    this.signalAll();
    for (let tries = 0; tries < 100 && (isAlive(this.pid) || (this.cgroup?.members().length ?? 0) > 0); tries++) await new Promise((resolve) => setTimeout(resolve, 10));
    const end = { ...(this.ending ?? this.explain(code, signal)), at: Date.now() };
    if (!this.ending) this.parts.incidents.report(end.kind as IncidentKind, end.reason, { generation: this.parts.spec.id, pid: this.pid });
    this.ending = end;
    this.link.close(end.reason);
    this.cgroup?.remove();
    return end;
  }

  private explain(code: number | null, signal: NodeJS.Signals | null): Omit<ProcessEnd, 'at'> {
    const { output, spec } = this.parts;
    const words = output.lastWords(this.child.pid!) ?? output.lastWords(this.pid);
    return explainEnd({ code, signal, spawnError: this.spawnError, memoryKills: this.cgroup?.memoryKills() ?? 0, words, memoryMb: spec.settings.memoryMb });
  }

  /** Ends the plugin's own processes. The program that made their namespaces reaps them and follows; only if it does not, it is ended too. */
  private signalAll(): void {
    const { pid } = this.child;
    if (pid === undefined) return;
    const inside = new Set([...(this.parts.means.enclosed ? childrenOf(pid) : [pid]), ...(this.nodePid === undefined ? [] : [this.nodePid])]);
    endAll(inside.size > 0 ? inside : [pid]);
    if (this.child.exitCode !== null || this.child.signalCode !== null) endAll(this.cgroup?.members() ?? []);
    else setTimeout(() => this.child.exitCode === null && this.child.signalCode === null && endAll([-pid, ...(this.cgroup?.members() ?? [])]), FORCE_MS).unref();
  }
}

const rounded = (ms: number) => Math.round(ms * 100) / 100;
