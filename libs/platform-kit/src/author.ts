import type { Answer, Content } from '@conductor/contracts';
import { DeliveryFailure } from './delivery-failure';
import type { PlatformContext, PlatformPlugin } from './platform-plugin';
import { SetupFailure } from './setup-failure';

/*
 * What the author of a plugin imports as `@conductor/platform-kit`. A plugin's process loads this file alone, so nothing here
 * may import a package, or a library of ours, except for its types. `kit/index.d.ts` describes the same for authors elsewhere.
 */

export { DeliveryFailure, SetupFailure };
export type { PluginHealth } from '@conductor/contracts';
export type { InboundMessage, PlatformMetrics, PlatformRequest, PlatformStorage } from './platform-plugin';

type Log = (...what: [message: string] | [fields: object, message?: string]) => void;

/** Lines go to the Conductor's log, with the plugin's name on them. */
export interface PluginLogger {
  readonly debug: Log;
  readonly info: Log;
  readonly warn: Log;
  readonly error: Log;
}

/** What the Conductor gives a platform that is a plugin. */
export interface PluginContext extends Omit<PlatformContext, 'logger'> {
  readonly logger: PluginLogger;
  /** Those of the manifest's `permissions.secrets` that a person granted, by name. Never log them. */
  readonly secrets: Readonly<Record<string, string>>;
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
  readonly plugin: string;
  readonly from: string;
  readonly to: string;
}

/** A platform of a plugin: a `PlatformPlugin` like those built in, which may also answer webhooks. */
export interface PluginPlatform<Config = unknown> extends PlatformPlugin<Config, PluginContext> {
  /** Verifies and takes in one webhook; `context.emit` brings its message in. Answer only when the message is kept. */
  handleWebhook?(call: WebhookCall, signal: AbortSignal): Promise<WebhookReply>;
  /** Hears that a plugin it depends on has changed. It goes on whatever comes of this: an error, or no end in time, is only written in its log. */
  dependencyChanged?(change: DependencyChange, signal: AbortSignal): Promise<void>;
}

/** What a plugin's entry exports: a maker for each platform that its manifest names. */
export interface PluginDefinition {
  readonly platforms: Readonly<Record<string, { create(): PluginPlatform<never> }>>;
}

const OURS = Symbol.for('conductor.plugin');

/** Says which platforms a plugin brings: `module.exports = definePlugin({ platforms: { mine: { create: () => new Mine() } } })`. */
export const definePlugin = <Definition extends PluginDefinition>(definition: Definition): Definition => {
  const wrong = problemOf(definition);
  if (wrong !== undefined) throw new TypeError(`definePlugin: ${wrong}`);
  return Object.freeze({ ...definition, [OURS]: 1 });
};

/**
 * Finds the definition in what an entry exports, whether the entry is CommonJS or an ES module.
 * @throws TypeError that says what to export
 */
export const pluginOf = (exported: unknown): PluginDefinition => {
  for (let at = exported, depth = 0; at !== null && typeof at === 'object' && depth < 3; at = (at as { default?: unknown }).default, depth++) {
    if (OURS in at) return at as unknown as PluginDefinition;
  }
  throw new TypeError('the entry exports no plugin: write `module.exports = definePlugin({ … })`, or `export default definePlugin({ … })` in an ES module');
};

const problemOf = (definition: PluginDefinition): string | undefined => {
  const platforms: unknown = (definition as Partial<PluginDefinition> | undefined)?.platforms;
  if (platforms === null || typeof platforms !== 'object') return '`platforms` must be an object of { create } by platform name';
  const names = Object.keys(platforms);
  if (names.length === 0) return '`platforms` names no platform';
  const without = names.find((name) => typeof (platforms as Record<string, { create?: unknown } | undefined>)[name]?.create !== 'function');
  return without === undefined ? undefined : `\`platforms.${without}.create\` must be a function that returns a platform`;
};

/** The part of a message that people read, '' when there is none. */
export const textOf = (content: Content | Answer | undefined): string => {
  if (typeof content === 'string') return content;
  const text = content?.['text'];
  return typeof text === 'string' ? text : '';
};
