import type { Duplex } from 'node:stream';
import { Allowance } from './allowance';
import { FrameReader, frameOf, FrameTooLarge } from './frames';
import type { IncidentKind } from '../incidents';
import { type Ask, ChildFrame, type Hook, type ParentFrame, type PluginFailure } from './protocol';

/** What a process says of itself, unasked. */
export interface LinkPorts {
  /** Answers a question of the process about its own platform. */
  answer(ask: Ask): Promise<unknown>;
  log(frame: Extract<ChildFrame, { type: 'log' }>): void;
  metric(frame: Extract<ChildFrame, { type: 'metric' }>): void;
  report(kind: IncidentKind, detail: string): void;
  /** The process broke the protocol in a way after which it cannot be believed. */
  violated(kind: IncidentKind, detail: string): void;
}

/** The plugin's hook failed; what it said. */
export class HookFailed extends Error {
  override readonly name = 'HookFailed';

  constructor(readonly failure: PluginFailure) {
    super(failure.kind === 'delivery' ? 'the plugin named an outcome' : failure.message);
  }
}

/** The process is gone, or was never asked. */
export class LinkClosed extends Error {
  override readonly name = 'LinkClosed';

  /** @param sent whether the process may have begun with it */
  constructor(message: string, readonly sent: boolean) {
    super(message);
  }
}

interface Call {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

const FRAMES_PER_SECOND = 20_000;
const BYTES_PER_SECOND = 32 * 1_048_576;
const LOGS_PER_SECOND = 200;
/** They are written to our log, which has no end. */
const LOG_BYTES_PER_SECOND = 65_536;
const LOG_BURST_BYTES = 2_097_152;
const ASKS_PER_SECOND = 2_000;
const ASKS_AT_ONCE = 1_000;
/** What a process that does not read may leave waiting in our memory. */
const MOST_UNREAD_BYTES = 16 * 1_048_576;
/** What one question may be answered with. */
const MAX_REPLY_BYTES = 8_388_608;
/** Calls that ended are remembered, to tell a second answer from an invented one. */
const REMEMBERED_CALLS = 2_000;
const MOST_STRAY_ANSWERS = 1_000;

/** The parent's end of the protocol with one process. */
export class ChildLink {
  private readonly calls = new Map<number, Call>();
  private readonly ended = new Set<number>();
  private readonly reader: FrameReader;
  private readonly frames = new Allowance(FRAMES_PER_SECOND);
  private readonly bytes = new Allowance(BYTES_PER_SECOND);
  private readonly logs = new Allowance(LOGS_PER_SECOND, LOGS_PER_SECOND * 2);
  private readonly logBytes = new Allowance(LOG_BYTES_PER_SECOND, LOG_BURST_BYTES);
  private readonly asks = new Allowance(ASKS_PER_SECOND, ASKS_PER_SECOND * 2);
  private lastId = 0;
  private asking = 0;
  private strays = 0;
  private closed?: string;
  /** Why it ends: nothing is sent any more, and only answers are still believed. */
  private ending?: string;
  private markReady!: () => void;
  /** The bootstrap runs. */
  readonly ready = new Promise<void>((resolve) => (this.markReady = resolve));
  private pinged?: { id: number; at: number };
  /** How long the latest ping took, or has been waiting. */
  private latestLagMs = 0;
  /** The latest ping that was answered. */
  ponged = 0;

  constructor(
    private readonly pipe: Duplex,
    maxFrameBytes: number,
    private readonly ports: LinkPorts,
  ) {
    // The envelope needs room beside what is measured in the process.
    this.reader = new FrameReader(maxFrameBytes + 1_024);
    pipe.on('data', (chunk: Buffer) => this.receive(chunk));
    pipe.on('error', () => {});
  }

  get lagMs(): number {
    return this.pinged ? Math.max(this.latestLagMs, performance.now() - this.pinged.at) : this.latestLagMs;
  }

  send(frame: ParentFrame): void {
    if (this.refusal !== undefined) return;
    this.pipe.write(frameOf(JSON.stringify(frame)));
  }

  /**
   * Calls a hook.
   * @param signal its abort is told to the process; the promise goes on waiting for what the hook makes of it
   * @throws HookFailed, or LinkClosed
   */
  call(hook: Hook, input: unknown, signal?: AbortSignal): Promise<unknown> {
    if (this.refusal !== undefined) return Promise.reject(new LinkClosed(this.refusal, false));
    if (this.pipe.writableLength > MOST_UNREAD_BYTES) return Promise.reject(new LinkClosed('its process does not read what it is given', false));
    const id = ++this.lastId;
    return new Promise((resolve, reject) => {
      const abort = () => this.send({ type: 'abort', id, reason: signal?.reason instanceof Error ? signal.reason.message : 'it is not wanted any more' });
      const done = () => {
        signal?.removeEventListener('abort', abort);
        this.calls.delete(id);
        this.remember(id);
      };
      this.calls.set(id, {
        resolve: (value) => (done(), resolve(value)),
        reject: (error) => (done(), reject(error)),
      });
      this.send({ type: 'call', id, hook, input });
      if (signal?.aborted) abort();
      else signal?.addEventListener('abort', abort, { once: true });
    });
  }

  /** Asks the event loop for a sign of life, unless it already owes one. */
  ping(): void {
    if (this.pinged || this.refusal !== undefined) return;
    this.pinged = { id: ++this.lastId, at: performance.now() };
    this.send({ type: 'ping', id: this.pinged.id });
  }

  isLatestPing(id: number): boolean {
    return id === (this.pinged?.id ?? this.ponged);
  }

  /**
   * The process is ending: it is sent nothing more, but what it had answered may still be on its way. Calls go on waiting until `close`.
   * An answer that is thrown away would leave unknown what is known.
   */
  finish(reason: string): void {
    if (this.refusal !== undefined) return;
    this.ending = reason;
    // Its end tells the process to leave, and what it wrote can still be read.
    this.pipe.end();
  }

  /** Resolves when all was read that the process wrote. */
  get drained(): Promise<void> {
    return new Promise((resolve) => (this.pipe.readableEnded || this.pipe.destroyed ? resolve() : void this.pipe.once('end', resolve).once('close', resolve)));
  }

  /** Every call ends, with this reason; nothing is sent or believed any more. */
  close(reason: string): void {
    if (this.closed !== undefined) return;
    this.closed = reason;
    this.pipe.destroy();
    for (const call of [...this.calls.values()]) call.reject(new LinkClosed(reason, true));
  }

  private get refusal(): string | undefined {
    return this.closed ?? this.ending;
  }

  private receive(chunk: Buffer): void {
    if (this.closed !== undefined) return;
    if (!this.bytes.take(chunk.length)) return this.ports.violated('flood', `more than ${BYTES_PER_SECOND / 1_048_576} MiB a second over the protocol`);
    try {
      for (const frame of this.reader.push(chunk)) {
        if (this.closed !== undefined) return;
        if (!this.frames.take()) return this.ports.violated('flood', `more than ${FRAMES_PER_SECOND} frames a second over the protocol`);
        this.understand(frame);
      }
    } catch (error) {
      this.ports.violated('protocol-violation', error instanceof FrameTooLarge ? error.message : 'a frame that cannot be read');
    }
  }

  private understand(bytes: Buffer): void {
    const frame = ChildFrame.safeParse(parsed(bytes));
    if (!frame.success) return this.ports.violated('protocol-violation', `a frame of unknown form (${frame.error.issues[0]?.path.join('.') || 'its type'})`);
    const { data } = frame;
    if (this.ending !== undefined && data.type !== 'result' && data.type !== 'failure') return;
    switch (data.type) {
      case 'ready':
        return this.markReady();
      case 'result':
        return this.settle(data.id, (call) => call.resolve(data.value));
      case 'failure':
        return this.settle(data.id, (call) => call.reject(new HookFailed(data.failure)));
      case 'pong':
        return this.notePong(data.id);
      case 'ask':
        return void this.reply(data);
      case 'log':
        if (!this.logs.take()) return this.ports.report('output-flood', `more than ${LOGS_PER_SECOND} log lines a second; the rest is dropped`);
        return this.logBytes.take(bytes.length) ? this.ports.log(data) : this.ports.report('output-flood', `more than ${LOG_BYTES_PER_SECOND / 1_024} KiB of log lines a second; the rest is dropped`);
      case 'metric':
        return this.asks.take() ? this.ports.metric(data) : this.ports.report('metric-flood', `more than ${ASKS_PER_SECOND} figures a second; the rest is dropped`);
    }
  }

  private settle(id: number, how: (call: Call) => void): void {
    const call = this.calls.get(id);
    if (call) return how(call);
    this.ports.report('answered-twice', this.ended.has(id) ? 'a second answer to the same call; the first one stands' : 'an answer to a call that was never made');
    if (++this.strays > MOST_STRAY_ANSWERS) this.ports.violated('flood', `more than ${MOST_STRAY_ANSWERS} answers that nobody asked for`);
  }

  private remember(id: number): void {
    this.ended.add(id);
    if (this.ended.size > REMEMBERED_CALLS) this.ended.delete(this.ended.values().next().value!);
  }

  private notePong(id: number): void {
    if (this.pinged?.id !== id) return;
    this.latestLagMs = performance.now() - this.pinged.at;
    delete this.pinged;
    this.ponged = id;
  }

  private async reply(ask: Ask): Promise<void> {
    if (this.asking >= ASKS_AT_ONCE || !this.asks.take()) {
      return this.send({ type: 'reply', id: ask.id, error: `more than ${ASKS_PER_SECOND} calls of the Conductor a second, or ${ASKS_AT_ONCE} at once; wait for them` });
    }
    this.asking++;
    try {
      const value = await this.ports.answer(ask);
      if (Buffer.byteLength(JSON.stringify(value) ?? '') > MAX_REPLY_BYTES) throw new Error(`${ask.operation}: what is kept there has more than ${MAX_REPLY_BYTES / 1_048_576} MiB; ask for less of it, or keep less`);
      this.send({ type: 'reply', id: ask.id, value });
    } catch (error) {
      this.send({ type: 'reply', id: ask.id, error: error instanceof Error ? error.message.slice(0, 2_000) : String(error) });
    } finally {
      this.asking--;
    }
    if (this.pipe.writableLength > MOST_UNREAD_BYTES) this.ports.violated('flood', 'it asks and does not read the answers');
  }
}

const parsed = (bytes: Buffer): unknown => {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
};
