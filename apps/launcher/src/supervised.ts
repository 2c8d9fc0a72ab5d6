import type { ChildProcess } from 'node:child_process';
import type { ProcessState } from '@conductor/contracts';
import type { Logger } from 'pino';
import { type Line, LastWords } from './last-words';
import { killGroup } from './process-facts';
import type { News, Program } from './program';
import type { Timings } from './timings';
import { Watchdog } from './watchdog';

/** A process that leaves drains within one grace; what takes so many hangs. */
const LEAVING_TAKES_GRACES = 2;
/** A process that leaves of its own choice more often than this is let rest for a moment. */
const LEAVES_OFTEN_MS = 5_000;

/** How a process ended. */
interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly error?: Error;
  /** It was killed because it did not answer any more. */
  readonly hung?: boolean;
}

interface Listener {
  changed(state: ProcessState): void;
  line(program: string, line: Line): void;
}

/**
 * Keeps one program running: starts it, starts it again with growing pauses when it dies, and leaves it alone when it
 * dies too often, since a program that cannot live only takes the machine's time from those that can.
 * Nothing here knows of any other program, so that one's end cannot touch another.
 */
export class Supervised {
  private child: ChildProcess | undefined;
  private gone: Promise<void> = Promise.resolve();
  private timer: NodeJS.Timeout | undefined;
  private wanted = false;
  private restartAsked = false;
  /** When it last ended of its own choice. */
  private leftAt = 0;
  /** Deaths since the last good run: sets the pause. */
  private failures = 0;
  /** When it died lately: decides on quarantine. */
  private deaths: number[] = [];
  private current: ProcessState;

  constructor(
    private readonly program: Program,
    private readonly timings: Timings,
    private readonly logger: Logger,
    private readonly listener: Listener,
  ) {
    this.current = { app: program.name, state: 'stopped', restarts: -1, reason: 'not started yet', at: Date.now() };
  }

  get name(): string {
    return this.program.name;
  }

  get state(): ProcessState {
    return this.current;
  }

  start(reason = 'started'): void {
    this.run({ state: 'starting', reason, restarts: this.current.restarts + 1 });
  }

  private run(as: { state: ProcessState['state']; reason: string; restarts?: number }): void {
    if (this.child) return;
    clearTimeout(this.timer);
    this.wanted = true;
    const startedAt = Date.now();
    const child = this.program.spawn();
    this.child = child;
    const words = new LastWords(child, (line) => this.listener.line(this.name, line));
    const ended = new AbortController();
    let readyAt: number | undefined;
    let wokeAt = startedAt;
    let leaving: string | undefined;
    let isStarting = true;
    let hung = false;
    const hangs = () => {
      hung = true;
      killGroup(child.pid);
    };
    const watchdog = new Watchdog({ ask: () => this.program.ask(child), isStarting: () => isStarting, hangs }, this.timings.silenceMs);
    this.become({ ...as, pid: child.pid, url: undefined });
    const news: News = {
      up: (url, suspended) => {
        if (ended.signal.aborted || this.current.state === 'draining') return;
        readyAt ??= Date.now();
        isStarting = false;
        this.become(suspended === undefined ? { state: 'ready', reason: `ready after ${seconds(Date.now() - wokeAt)}`, url } : { state: 'suspended', reason: suspended, url });
      },
      notReady: (url, reason) => {
        if (ended.signal.aborted || this.current.state === 'draining') return;
        isStarting = false;
        this.become({ state: 'not-ready', reason, url });
      },
      waking: () => {
        wokeAt = Date.now();
        isStarting = true;
        this.become({ state: 'starting', reason: 'loading: one of its platforms is wanted', url: undefined });
      },
      answered: () => watchdog.answered(),
      leaving: (reason) => {
        leaving = reason;
        setTimeout(() => this.killLate(child), LEAVING_TAKES_GRACES * this.timings.stopGraceMs).unref();
      },
    };
    this.program.follow(child, ended.signal, news).catch((error: Error) => {
      if (!ended.signal.aborted) this.logger.error({ program: this.name, reason: error.message }, `${this.name} cannot be asked whether it is ready`);
    });
    this.gone = endOf(child).then((end) => {
      ended.abort();
      watchdog.end();
      this.child = undefined;
      if (this.wanted && !this.restartAsked && end.code === 0 && leaving !== undefined) this.comeBack(leaving);
      else this.ended({ ...end, hung }, words, readyAt);
    });
  }

  /** Lets it finish its work, for as long as that takes within `patienceMs`, and leaves it away. */
  async retire(reason: string, patienceMs: number): Promise<void> {
    this.wanted = false;
    clearTimeout(this.timer);
    const { child } = this;
    if (child) {
      this.become({ state: 'draining', reason });
      // A channel that is closed belongs to a process that ends already.
      if (child.connected) child.send({ type: 'leave', reason }, () => undefined);
      await Promise.race([this.gone, new Promise((resolve) => setTimeout(resolve, patienceMs).unref())]);
      await this.end(this.timings.stopGraceMs);
    }
    this.become({ state: 'stopped', reason, pid: undefined, url: undefined });
  }

  /** Lets it drain, and kills it when it takes too long. */
  async stop(graceMs = this.timings.stopGraceMs): Promise<void> {
    this.wanted = false;
    clearTimeout(this.timer);
    await this.end(graceMs);
    if (this.current.state !== 'stopped') this.become({ state: 'stopped', reason: 'stopped with the launcher', pid: undefined, url: undefined });
  }

  /** Ends it at once, whatever it is doing. */
  kill(): void {
    this.wanted = false;
    clearTimeout(this.timer);
    killGroup(this.child?.pid);
  }

  /** A person wants it started, or started anew: lifts a quarantine and forgets earlier deaths. */
  async restart(): Promise<void> {
    this.failures = 0;
    this.deaths = [];
    if (!this.child) return this.start('started because a person asked for it');
    this.restartAsked = true;
    await this.end(this.timings.stopGraceMs);
  }

  /** It said that it leaves, and never did. */
  private killLate(child: ChildProcess): void {
    if (this.child !== child) return;
    this.logger.warn({ program: this.name }, `${this.name} said that it leaves and did not end; it is killed`);
    killGroup(child.pid);
  }

  private async end(graceMs: number): Promise<void> {
    const child = this.child;
    if (!child) return;
    child.kill('SIGTERM');
    const timer = setTimeout(() => {
      this.logger.warn({ program: this.name, graceMs }, `${this.name} did not finish within ${seconds(graceMs)} and is killed`);
      killGroup(child.pid);
    }, graceMs);
    await this.gone;
    clearTimeout(timer);
  }

  private ended(end: End, words: LastWords, readyAt: number | undefined): void {
    if (!this.wanted) return;
    if (this.restartAsked) {
      this.restartAsked = false;
      return this.start('started anew because a person asked for it');
    }
    const now = Date.now();
    if (readyAt !== undefined && now - readyAt >= this.timings.goodRunMs) this.forgive();
    // An app that worked and then ended with code 0 wants to be started anew (to free memory, say): no death.
    const byItself = end.code === 0 && readyAt !== undefined;
    if (!byItself) {
      this.failures += 1;
      this.deaths = [...this.deaths.filter((at) => now - at < this.timings.quarantineWindowMs), now];
    }
    const how = end.hung ? `did nothing any more, did not answer for ${seconds(this.timings.silenceMs)}, and was killed` : describe(end);
    if (this.deaths.length >= this.timings.quarantineDeaths) this.quarantine(how, words);
    else this.backOff(how, words, byItself);
  }

  /** It gave its memory back, and is to be here as a shell at once: neither a death nor a pause. Twice in a row, a pause. */
  private comeBack(reason: string): void {
    const now = Date.now();
    const soon = now - this.leftAt < LEAVES_OFTEN_MS;
    this.leftAt = now;
    this.logger.info({ program: this.name, reason }, `${this.name} ended to give its memory back, and comes back as a thin shell`);
    this.become({ state: 'suspended', reason, pid: undefined, url: undefined });
    this.timer = setTimeout(() => this.run({ state: 'suspended', reason }), soon ? this.timings.backoffMs : 0);
  }

  private backOff(how: string, words: LastWords, byItself: boolean): void {
    const pauseMs = pauseBefore(byItself ? 1 : this.failures, this.timings);
    const reason = [`${how}; starting again in ${seconds(pauseMs)}`, !byItself && words.gist && `It said: ${words.gist}`].filter(Boolean).join('. ');
    this.logger[byItself ? 'info' : 'error']({ program: this.name, ...(!byItself && { lastWords: words.lines }) }, `${this.name} ${reason}`);
    this.become({ state: 'backing-off', reason, pid: undefined, url: undefined });
    this.timer = setTimeout(() => this.start(`started again; before, it ${how}`), pauseMs);
  }

  private quarantine(how: string, words: LastWords): void {
    const within = seconds(this.timings.quarantineWindowMs);
    const reason = `died ${this.deaths.length} times within ${within} (last: ${how}) and is left alone now; mend the cause, then POST /v1/processes/${this.name}/start at the conductor, or stop and start the Conductor`;
    this.logger.error({ program: this.name, lastWords: words.lines }, `${this.name} ${reason}. Everything else goes on.`);
    this.become({ state: 'quarantined', reason: [reason, words.gist && `It said: ${words.gist}`].filter(Boolean).join('. '), pid: undefined, url: undefined });
  }

  private forgive(): void {
    this.failures = 0;
    this.deaths = [];
  }

  private become(change: { state: ProcessState['state']; reason: string; restarts?: number; pid?: number | undefined; url?: string | undefined }): void {
    this.current = { ...this.current, ...change, at: Date.now() };
    this.listener.changed(this.current);
  }
}

/** 0.5 s, 1 s, 2 s … 30 s, each up to a quarter longer, so that several do not come back in step. */
const pauseBefore = (failures: number, timings: Timings): number =>
  Math.min(timings.maxBackoffMs, timings.backoffMs * 2 ** (failures - 1) * (1 + Math.random() / 4));

/** Waits for the end of a process, then ends what it left behind. */
const endOf = (child: ChildProcess): Promise<End> =>
  new Promise((resolve) => {
    child.once('error', (error) => {
      if (child.pid === undefined) resolve({ code: null, signal: null, error });
    });
    child.once('exit', (code, signal) => {
      killGroup(child.pid);
      const done = () => resolve({ code, signal });
      // Its last lines may still be in the pipe, and what it said last in the channel.
      child.once('close', () => (child.connected ? child.once('disconnect', done) : done()));
      setTimeout(done, 300).unref();
    });
  });

const describe = ({ code, signal, error }: End): string => {
  if (error) return `could not be started (${error.message})`;
  return signal ? `was ended by ${signal}` : `ended with code ${code}`;
};

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
