import { randomUUID } from 'node:crypto';
import { asRedisUnavailable, type RedisConnections } from '@conductor/connections';
import { type ProblemCode, problems } from '@conductor/contracts';
import type { Logger } from '@conductor/observability';
import { z } from 'zod';

/** Whoever is asked says at once that he is at it, then every so often, and in the end how it went. */
const BEAT_MS = 1_000;
/** Silence after which he is taken for dead: long enough for a process that is busy. */
const SILENCE_MS = 5_000;

const Envelope = z.object({ id: z.string(), to: z.string(), replyTo: z.string(), command: z.unknown() });
const FieldError = z.object({ field: z.string(), message: z.string() });
const Sign = z.discriminatedUnion('sign', [
  z.object({ id: z.string(), sign: z.literal('at-it') }),
  z.object({ id: z.string(), sign: z.literal('done'), answer: z.unknown() }),
  z.object({ id: z.string(), sign: z.literal('refused'), code: z.string(), detail: z.string(), errors: z.array(FieldError).optional() }),
]);
type Sign = z.output<typeof Sign>;

/** The other side said no, and why: a code of our problems and a text for a person. */
export class CommandRefused extends Error {
  override readonly name = 'CommandRefused';

  constructor(
    readonly code: ProblemCode,
    readonly detail: string,
    readonly errors?: ReadonlyArray<z.output<typeof FieldError>> | undefined,
    cause?: unknown,
  ) {
    super(detail, { cause });
  }
}

/** Nobody answers under that name, or no more. What was asked may have been done, begun, or not. */
export class NobodyThere extends Error {
  override readonly name = 'NobodyThere';
}

interface Waiting {
  heard(sign: Sign): void;
}

/**
 * Asks another process to do something and waits for its answer, over Redis pub/sub: nothing of it is stored anywhere. A process that
 * dies meanwhile is noticed by its silence, not by a time-out that must be longer than the longest command.
 */
export class CommandCaller {
  private readonly inbox: string;
  private readonly waiting = new Map<string, Waiting>();

  constructor(
    private readonly connections: RedisConnections,
    private readonly topic: string,
    private readonly silenceMs = SILENCE_MS,
  ) {
    this.inbox = `${connections.namespace}:${topic}:replies:${randomUUID()}`;
  }

  async open(): Promise<void> {
    this.connections.subscriber.on('message', this.receive);
    await this.connections.subscriber.subscribe(this.inbox);
  }

  async close(): Promise<void> {
    this.connections.subscriber.off('message', this.receive);
    if (this.connections.subscriber.status === 'ready') await this.connections.subscriber.unsubscribe(this.inbox);
  }

  /** @param to the process that is asked @throws CommandRefused, NobodyThere, RedisUnavailable, or the signal's reason */
  async ask(to: string, command: unknown, signal?: AbortSignal): Promise<unknown> {
    signal?.throwIfAborted();
    const id = randomUUID();
    return new Promise((resolve, reject) => {
      let silence: NodeJS.Timeout | undefined;
      const end = (settle: () => void) => {
        clearTimeout(silence);
        signal?.removeEventListener('abort', aborted);
        this.waiting.delete(id);
        settle();
      };
      const listen = () => {
        clearTimeout(silence);
        silence = setTimeout(() => end(() => reject(new NobodyThere(`${to} is silent`))), this.silenceMs);
      };
      const aborted = () => end(() => reject(signal!.reason as Error));
      const heard = (sign: Sign) => {
        if (sign.sign === 'at-it') return listen();
        if (sign.sign === 'done') return end(() => resolve(sign.answer));
        const code = sign.code in problems ? (sign.code as ProblemCode) : 'internal';
        return end(() => reject(new CommandRefused(code, sign.detail, sign.errors)));
      };
      signal?.addEventListener('abort', aborted, { once: true });
      this.waiting.set(id, { heard });
      listen();
      this.connections.commands.publish(`${this.connections.namespace}:${this.topic}`, JSON.stringify({ id, to, replyTo: this.inbox, command })).catch((error: unknown) => end(() => reject(asRedisUnavailable(error))));
    });
  }

  private readonly receive = (channel: string, text: string) => {
    if (channel !== this.inbox) return;
    const sign = Sign.safeParse(parsed(text));
    if (sign.success) this.waiting.get(sign.data.id)?.heard(sign.data);
  };
}

/** Does what it is asked to. */
export class CommandListener<Command> {
  private readonly channel: string;

  /** @param name under which it is asked */
  constructor(
    private readonly connections: RedisConnections,
    topic: string,
    private readonly name: string,
    private readonly schema: z.ZodType<Command>,
    private readonly carryOut: (command: Command) => Promise<unknown>,
    private readonly logger: Logger,
    private readonly beatMs = BEAT_MS,
  ) {
    this.channel = `${connections.namespace}:${topic}`;
  }

  async open(): Promise<void> {
    this.connections.subscriber.on('message', this.receive);
    await this.connections.subscriber.subscribe(this.channel);
  }

  async close(): Promise<void> {
    this.connections.subscriber.off('message', this.receive);
    if (this.connections.subscriber.status === 'ready') await this.connections.subscriber.unsubscribe(this.channel);
  }

  private readonly receive = (channel: string, text: string) => {
    if (channel !== this.channel) return;
    const envelope = Envelope.safeParse(parsed(text));
    if (envelope.success && envelope.data.to === this.name) void this.answer(envelope.data);
  };

  private async answer({ id, replyTo, command }: z.output<typeof Envelope>) {
    const say = (sign: Sign) => this.connections.commands.publish(replyTo, JSON.stringify(sign)).catch((error: unknown) => this.logger.warn({ err: error }, 'an answer to the conductor could not be sent'));
    const beat = setInterval(() => void say({ id, sign: 'at-it' }), this.beatMs).unref();
    try {
      await say({ id, sign: 'at-it' });
      const parsed = this.schema.safeParse(command);
      if (!parsed.success) throw new CommandRefused('invalid-request', `this plugin-host does not understand the command: ${z.prettifyError(parsed.error)}`);
      const answer = await this.carryOut(parsed.data);
      await say({ id, sign: 'done', answer: answer ?? {} });
    } catch (error) {
      // What went wrong inside stays in this log; the other side gets what is meant for a person.
      if (!(error instanceof CommandRefused)) this.logger.error({ err: error }, 'a command failed');
      const refused = error instanceof CommandRefused ? error : new CommandRefused('internal', `the plugin-host could not do it: ${error instanceof Error ? error.message : String(error)}`);
      await say({ id, sign: 'refused', code: refused.code, detail: refused.detail, ...(refused.errors && { errors: [...refused.errors] }) });
    } finally {
      clearInterval(beat);
    }
  }
}

/** What is no JSON is no command. */
const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
