import type { Answer, PluginHealth, ProcessPoolView, Request, RequestInput } from '@conductor/contracts';
import type { Logger } from '@conductor/observability';

/** A message as a platform gets it. `attempt` counts from 1. */
export type PlatformRequest = Readonly<Request & { attempt: number }>;

/** A message that a platform brings in; `source` is the platform itself. */
export type InboundMessage = Omit<RequestInput, 'source' | 'waitFor' | 'deadlineMs'>;

/** What a platform remembers across restarts; nobody else sees it. Values are JSON. */
export interface PlatformStorage {
  get<T>(key: string): Promise<T | undefined>;
  /** @param ttlMs forgets the value after this time */
  set(key: string, value: unknown, ttlMs?: number): Promise<void>;
  delete(key: string): Promise<boolean>;
  keys(prefix?: string): Promise<string[]>;
  /**
   * Adds to a list, which keeps its newest `limit` entries.
   * @param ttlMs forgets the whole list when nothing was added for this long
   * @returns the entry's position, growing by one each time
   */
  append(list: string, value: unknown, limit: number, ttlMs?: number): Promise<number>;
  /** Entries after a position, oldest first. */
  after<T>(list: string, position: number): Promise<Array<{ position: number; value: T }>>;
  /** Adds to a number and tells the sum. */
  increment(key: string, by?: number, ttlMs?: number): Promise<number>;
}

export interface PlatformMetrics {
  count(name: string, by?: number): void;
  observe(name: string, value: number): void;
}

/** What the Conductor gives a platform. */
export interface PlatformContext {
  readonly platform: string;
  readonly instance: string;
  readonly logger: Logger;
  readonly storage: PlatformStorage;
  readonly metrics: PlatformMetrics;
  /**
   * Brings a message in. It is safely kept when the promise resolves; its answer comes later as a request of kind `answer`,
   * with `inReplyTo` set to the id returned. Emitting the same id again is harmless; under an id that stands for another message, a
   * request of kind `failure` comes.
   * @param sender the user, where the platform itself made sure who that is: then ids and conversations are that user's alone
   * @throws RedisUnavailable when it could not be kept: nothing happened, try again. RangeError for the kinds `answer` and `failure`
   */
  emit(message: InboundMessage, sender?: { readonly provenUser: string }): Promise<{ id: string }>;
}

/**
 * A platform integration. The Conductor calls `initialize` once, then the others as often as needed, then `shutdown` once;
 * after that it makes a new one.
 */
export interface PlatformPlugin<Config = unknown, Context = PlatformContext> {
  /**
   * Connects. @throws SetupFailure.needsAttention when only a person can mend it (bad credentials, bad configuration); any other
   * error is tried again with growing pauses
   */
  initialize(config: Config, context: Context): Promise<void>;
  /** How are you? Called every few seconds, beside the work; light, without test messages. */
  healthCheck(signal: AbortSignal): Promise<PluginHealth>;
  /**
   * Carries one message out and returns the platform's answer.
   * @param signal aborts at the deadline: stop, whatever is going on
   * @throws DeliveryFailure saying what should happen to the message next
   */
  handleRequest(request: PlatformRequest, signal: AbortSignal): Promise<Answer>;
  /** Lets everything go: no timer, socket or listener may be left. */
  shutdown(): Promise<void>;
}

/** The processes of its own that a platform runs in, where it has some. */
export interface ProcessesOfItsOwn {
  readonly most: number;
  view(): ProcessPoolView;
  /** So many from now on, as far as there is work; undefined: as many as the work needs. */
  resize(size: number | undefined): void;
}

/** How the Conductor runs a platform. */
export interface PlatformDefinition<Config = unknown> {
  readonly name: string;
  /** The plugin that brings it, if one does. Storage belongs to plugin and platform together. */
  readonly plugin?: string;
  /** What was stored under the platform's name alone, before storage belonged to plugins, is that plugin's: it ran then. */
  readonly adoptsStorage?: boolean;
  /** May load what is heavy first (`async () => new (await import('./heavy')).Heavy()`): it is called when the platform is wanted. */
  readonly create: () => PlatformPlugin<Config> | Promise<PlatformPlugin<Config>>;
  readonly config: Config;
  /** Messages in hand at once, per instance, unless something else is wished for. */
  readonly concurrency?: number;
  /** The least and the most that may be wished for; 1 and four times `concurrency` unless given. Within, the latency decides. */
  readonly concurrencyBounds?: { readonly least: number; readonly most: number };
  /** How many processes may run it, where more would do harm, and why: for whoever wishes for more. */
  readonly atMost?: { readonly instances: number; readonly because: string };
  /** Where it runs in processes of its own: how many there are, and who is told how many are wanted. */
  readonly pool?: ProcessesOfItsOwn;
  /** Time one message may take, in milliseconds. */
  readonly requestTimeoutMs?: number;
  /** How often a message is tried before it is given up. */
  readonly attempts?: number;
  /**
   * Carrying the same message out twice does no harm (the platform answers from its input alone, or drops doubles by id).
   * Otherwise a message whose end is not known is never repeated blindly.
   */
  readonly repeatable?: boolean;
}

const CONCURRENCY = 10;
const MOST_TIMES = 4;

export const withDefaults = <C>(definition: PlatformDefinition<C>) => ({
  concurrency: CONCURRENCY,
  concurrencyBounds: { least: 1, most: (definition.concurrency ?? CONCURRENCY) * MOST_TIMES },
  requestTimeoutMs: 5_000,
  attempts: 3,
  repeatable: false,
  ...definition,
});
