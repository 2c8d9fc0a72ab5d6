import semverValid from 'semver/functions/valid';
import semverValidRange from 'semver/ranges/valid';
import { z } from 'zod';
import { MAX_DEADLINE_MS } from './request';
import { Json } from './json';
import { PlatformName } from './names';
import { MOST_POOL_SIZE } from './platform-state';

/** Like `z.strictObject`, but who writes an unknown field is told which there are. */
const fields = <Shape extends z.core.$ZodLooseShape>(shape: Shape) =>
  z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? `unknown field ${issue['keys'].map((key) => JSON.stringify(key)).join(', ')}; allowed are ${Object.keys(shape).join(', ')}` : undefined),
  });

/** A plugin's name: an npm package's, with or without a scope, e.g. `telegram` or `@acme/telegram`. */
export const PluginName = z.string().max(128).regex(/^(@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*$/, 'must be an npm package name in lower case, e.g. "telegram" or "@acme/telegram"');

/** Exactly one version, e.g. `1.4.0` or `2.0.0-beta.1`. */
export const PluginVersion = z.string().max(128).refine((text) => semverValid(text) === text.replace(/\+.*$/, ''), 'must be a semantic version, e.g. "1.4.0"');

/** Which versions will do, in npm's notation. */
export const VersionRange = z.string().min(1).max(256).refine((text) => semverValidRange(text) !== null, 'must be a range of versions as npm writes them, e.g. "^1.2.0", ">=2 <4" or "*"');

/** Something a plugin can do for others, whichever plugin that is, e.g. `speech-to-text`. */
export const Capability = z.string().max(64).regex(/^[a-z][a-z0-9._-]*$/, 'must be lower case letters, digits, dots and dashes, e.g. "speech-to-text"');

const HOST = /^(\*\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]*[a-z0-9])?(:[1-9][0-9]{0,4})?$/;
const NetworkHost = z.string().max(260).regex(HOST, 'must be a host in lower case, with a port if it is not 443, e.g. "api.telegram.org", "*.example.org" or "localhost:8080"');

const isPlainPath = (path: string) => path.startsWith('/') && path !== '/' && !path.includes('\0') && !path.split('/').some((part, at) => part === '.' || part === '..' || (part === '' && at > 0));
const FilePath = z.string().max(1_024).refine(isPlainPath, 'must be an absolute path without "." and "..", and not the root');

/** The name under which a person hands a secret over. */
export const SecretName = z.string().max(64).regex(/^[A-Z][A-Z0-9_]*$/, 'must be capitals, digits and underscores, e.g. "BOT_TOKEN"');

const list = <Item extends z.ZodType<string>>(item: Item, most: number) =>
  z.array(item).max(most).refine((values) => new Set(values).size === values.length, 'must not name the same twice').default([]);

/** Several cores throughout the longest deadline. */
const MAX_REQUEST_CPU_MS = 16 * MAX_DEADLINE_MS;

/** What a plugin asks for. All of it is denied unless it stands here and a person approved it; secrets are granted one by one. */
export const PluginPermissions = fields({
  /** Hosts it may connect to. */
  net: list(NetworkHost, 64),
  /** Files beyond its own folder (read) and its data folder (read and write), which it always has. */
  fs: fields({ read: list(FilePath, 32), write: list(FilePath, 32) }).prefault({}),
  secrets: list(SecretName, 32),
  childProcess: z.boolean().default(false),
  workers: z.boolean().default(false),
  addons: z.boolean().default(false),
  wasi: z.boolean().default(false),
  inspector: z.boolean().default(false),
});
export type PluginPermissions = z.output<typeof PluginPermissions>;

/** `conductor` in a plugin's package.json. */
export const PluginSettings = fields({
  apiVersion: z.literal(1, 'must be 1, the only version of the plugin interface there is'),
  platforms: z.array(PlatformName).min(1).max(16).refine((names) => new Set(names).size === names.length, 'must not name the same platform twice'),
  /** The file that exports `definePlugin({ … })`, relative to the plugin's folder. */
  entry: z.string().min(1).max(512),
  /** Plugins that must be there and started first. */
  dependsOn: z.record(PluginName, VersionRange).default({}),
  provides: list(Capability, 32),
  /** Capabilities that some other plugin must provide. */
  needs: list(Capability, 32),
  /** JSON Schema (draft-07) of the configuration that `initialize` gets. */
  config: z.record(z.string(), Json).default({}),
  permissions: PluginPermissions.prefault({}),
  load: z.enum(['lazy', 'eager']).default('lazy'),
  /** Messages in hand at once, per process. */
  concurrency: z.int().min(1).max(1_000).default(10),
  /** Processes. */
  instances: z.int().min(1).max(MOST_POOL_SIZE).default(1),
  /** Resident memory of one process above which it is ended. */
  memoryMb: z.int().min(64).max(8_192).default(256),
  requestTimeoutMs: z.int().min(100).max(MAX_DEADLINE_MS).default(5_000),
  /** Processor time that one message may cost. More ends the process; absent: half of `requestTimeoutMs`, and at least a second. */
  requestCpuMs: z.int().min(100).max(MAX_REQUEST_CPU_MS).optional(),
  /** How often a message is tried before it is given up. */
  attempts: z.int().min(1).max(10).default(3),
  /** The far side bears one session only: an update hands over instead of running two side by side. */
  exclusive: z.boolean().default(false),
  /** Carrying the same message out twice does no harm. */
  repeatable: z.boolean().default(false),
  /** A lazy plugin that had nothing to do for this long is unloaded; otherwise the Conductor's own setting holds. */
  idleUnloadMs: z.int().min(1_000).max(86_400_000).optional(),
});
export type PluginSettings = z.output<typeof PluginSettings>;

/** What is read of a plugin's package.json. Its other fields are npm's and not looked at. */
export const PluginManifest = z.object({
  name: PluginName,
  version: PluginVersion,
  description: z.string().max(1_000).optional().catch(undefined),
  conductor: PluginSettings,
}).superRefine(({ name, conductor }, context) => {
  if (Object.hasOwn(conductor.dependsOn, name)) context.addIssue({ code: 'custom', path: ['conductor', 'dependsOn', name], message: 'a plugin cannot depend on itself' });
  if (conductor.exclusive && conductor.instances > 1) context.addIssue({ code: 'custom', path: ['conductor', 'instances'], message: 'must be 1, since `exclusive` is set' });
});
export type PluginManifest = z.output<typeof PluginManifest>;
/** As an author writes it. */
export type PluginManifestInput = z.input<typeof PluginManifest>;
