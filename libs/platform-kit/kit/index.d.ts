/**
 * What the author of a plugin imports. The Conductor puts its own `@conductor/platform-kit` in the place of this one when it runs the
 * plugin; these files are here so that editors, type checkers and `node --test` know it, too.
 */

/** Any JSON value. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** Text, or an object whose `text`, if any, is what people read. */
export type Content = string | Record<string, Json>;

/** What a platform answers: an object that survives JSON, whose `text` is meant for people. */
export type Answer = Record<string, Json>;

/** A message as a platform gets it. */
export interface PlatformRequest {
  readonly id: string;
  /** The platform or application it comes from. */
  readonly source: string;
  /**
   * Who sent it, as the Conductor made sure itself: `key/<id>`, `platform/<name>`, `plugin/<plugin>/<platform>`, with `/user/<user>` behind
   * it where a platform knows its users by their credentials. `source`, `user` and `conversation` are what the sender says.
   */
  readonly owner?: string | undefined;
  /** E.g. `message`, `command`, `answer`. */
  readonly kind: string;
  readonly content: Content;
  readonly user?: string | undefined;
  readonly conversation?: string | undefined;
  /** Id of the message that this one answers. */
  readonly inReplyTo?: string | undefined;
  /** Milliseconds that the caller waits. */
  readonly deadlineMs: number;
  /** Epoch milliseconds at which the request was received. */
  readonly receivedAt: number;
  /** Correlation id for logs. */
  readonly trace: string;
  /** Counts from 1; grows with each retry. */
  readonly attempt: number;
}

/** A message that a platform brings in. */
export interface InboundMessage {
  /** Chosen here to make a second arrival harmless, e.g. the platform's own id of the message. Letters, digits, `.`, `_` and `-`. */
  id?: string | undefined;
  /** The platform to go to; without it the route rules decide. */
  target?: string | undefined;
  kind: string;
  content: Content;
  user?: string | undefined;
  conversation?: string | undefined;
  idempotencyKey?: string | undefined;
}

export interface PluginHealth {
  status: 'ok' | 'degraded' | 'failed' | 'needs-attention';
  /** For a person: what is wrong and what to do. */
  reason?: string | undefined;
  details?: Record<string, Json> | undefined;
}

/** What a platform remembers across restarts; nobody else sees it. Values are JSON. */
export interface PlatformStorage {
  get<T>(key: string): Promise<T | undefined>;
  /** @param ttlMs forgets the value after this time */
  set(key: string, value: unknown, ttlMs?: number): Promise<void>;
  delete(key: string): Promise<boolean>;
  keys(prefix?: string): Promise<string[]>;
  /** Adds to a list, which keeps its newest `limit` entries. @returns the entry's position, growing by one each time */
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

/** Lines go to the Conductor's log, with the plugin's name on them. */
export interface PluginLogger {
  debug(message: string): void;
  debug(fields: object, message?: string): void;
  info(message: string): void;
  info(fields: object, message?: string): void;
  warn(message: string): void;
  warn(fields: object, message?: string): void;
  error(message: string): void;
  error(fields: object, message?: string): void;
}

/** What the Conductor gives a platform. */
export interface PluginContext {
  readonly platform: string;
  readonly instance: string;
  readonly logger: PluginLogger;
  readonly storage: PlatformStorage;
  readonly metrics: PlatformMetrics;
  /** Those of the manifest's `permissions.secrets` that a person granted, by name. Never log them. */
  readonly secrets: Readonly<Record<string, string>>;
  /**
   * Brings a message in. It is safely kept when the promise resolves; its answer comes later as a request of kind `answer`, with
   * `inReplyTo` set to the id returned. Emitting the same id again is harmless; under an id that stands for another message, a request
   * of kind `failure` comes. The kinds `answer` and `failure` are refused. When it rejects, nothing happened: try again.
   */
  emit(message: InboundMessage): Promise<{ id: string }>;
}

/** An HTTP request that came in at the Conductor's door for this platform. A plugin has no door of its own. */
export interface WebhookCall {
  readonly method: string;
  /** What follows the platform's own address, beginning with `/`. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The bytes as they came: signatures are made over these. */
  readonly body: Uint8Array;
}

export interface WebhookReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A plugin that this one depends on runs in another version now, which the range in `dependsOn` allows. */
export interface DependencyChange {
  /** Name of the plugin that changed. */
  readonly plugin: string;
  /** Its version before. */
  readonly from: string;
  /** Its version now; messages go to it already. */
  readonly to: string;
}

/** A platform. `initialize` is called once, then the others as often as needed, then `shutdown`; after that a new one is made. */
export interface PluginPlatform<Config = unknown> {
  /** Connects. Throw `SetupFailure.needsAttention` when only a person can mend it; anything else is tried again with growing pauses. */
  initialize(config: Config, context: PluginContext): Promise<void>;
  /** How are you? Called every few seconds, beside the work; light, without test messages. */
  healthCheck(signal: AbortSignal): Promise<PluginHealth>;
  /** Carries one message out. Throw a `DeliveryFailure` to say what should happen to the message next. */
  handleRequest(request: PlatformRequest, signal: AbortSignal): Promise<Answer>;
  /** Lets everything go: no timer, socket or listener may be left. */
  shutdown(): Promise<void>;
  /** Verifies and takes in one webhook. Answer only when the message is kept. */
  handleWebhook?(call: WebhookCall, signal: AbortSignal): Promise<WebhookReply>;
  /**
   * A plugin in `dependsOn`, or one that such a plugin depends on, was swapped: e.g. ask it anew what it can do. Called in every process that
   * runs then, beside its work; one that starts later starts with the new version. There are 5 s for it. An error, or no end in time, is
   * written in the plugin's log and has no other effect. A plugin whose range does not allow the new version is not told: it is swapped, too.
   */
  dependencyChanged?(change: DependencyChange, signal: AbortSignal): Promise<void>;
}

export interface PluginDefinition {
  readonly platforms: Readonly<Record<string, { create(): PluginPlatform<never> }>>;
}

/** Says which platforms a plugin brings; export what it returns. */
export function definePlugin<Definition extends PluginDefinition>(definition: Definition): Definition;

/** Finds the definition in what an entry exports. */
export function pluginOf(exported: unknown): PluginDefinition;

/** The part of a message that people read, '' when there is none. */
export function textOf(content: Content | undefined): string;

export type FailureClass = 'timeout' | 'error' | 'rate-limit' | 'credentials' | 'overload' | 'rejected';

export interface FailureDetails {
  /** Stable, kebab-case, e.g. `chat-not-found`. */
  code: string;
  /** For a person: what happened, why, what to do. */
  message: string;
  class?: FailureClass;
  cause?: unknown;
}

/** The one error a platform throws on purpose. It says what should happen to the message next. */
export class DeliveryFailure extends Error {
  private constructor();
  override readonly name: 'DeliveryFailure';
  readonly outcome: { result: 'retry' | 'never' | 'not-now' | 'unknown'; code: string; message: string; class: FailureClass; delayMs?: number };
  /** May work next time: tried again with back-off. */
  static retry(details: FailureDetails): DeliveryFailure;
  /** Trying again cannot help: a fallback, or the dead letters. */
  static never(details: FailureDetails): DeliveryFailure;
  /** Nothing is wrong with the message: it waits `delayMs` and loses no attempt. */
  static notNow(delayMs: number, details: FailureDetails): DeliveryFailure;
  /** It was sent and nobody can tell whether it arrived: never repeated blindly. */
  static unknown(details: FailureDetails): DeliveryFailure;
  /** Any other error counts as transient. */
  static from(error: unknown): DeliveryFailure;
}

/** Thrown by `initialize`. */
export class SetupFailure extends Error {
  private constructor();
  override readonly name: 'SetupFailure';
  readonly retryable: boolean;
  /** Only a person can mend it; it is not tried again before something was changed. */
  static needsAttention(message: string, cause?: unknown): SetupFailure;
  static transient(message: string, cause?: unknown): SetupFailure;
}
