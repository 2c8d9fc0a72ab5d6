import { z } from 'zod';
import { Json } from './json';
import { PluginName, PluginVersion, SecretName, VersionRange } from './plugin-manifest';

/** What the conductor asks of a plugin-host. `by` is who asked the conductor. */
export const PluginCommand = z.discriminatedUnion('do', [
  z.object({ do: z.literal('list') }),
  z.object({ do: z.literal('show'), name: PluginName }),
  z.object({ do: z.literal('discover') }),
  z.object({ do: z.literal('resolve'), wanted: z.array(z.object({ name: PluginName, range: VersionRange })).min(1).max(200) }),
  z.object({ do: z.literal('inspect'), name: PluginName, version: PluginVersion.optional() }),
  z.object({ do: z.literal('approve'), name: PluginName, version: PluginVersion, integrity: z.string(), secrets: z.array(SecretName), acceptFindings: z.boolean(), by: z.string() }),
  z.object({ do: z.literal('revoke'), name: PluginName, version: PluginVersion, by: z.string() }),
  z.object({ do: z.literal('configure'), name: PluginName, config: z.record(z.string(), Json), by: z.string() }),
  /** The value is sealed: only the host that is asked can read it. */
  z.object({ do: z.literal('give-secret'), name: PluginName, secret: SecretName, sealed: z.string(), by: z.string() }),
  z.object({ do: z.literal('forget-secret'), name: PluginName, secret: SecretName, by: z.string() }),
  z.object({ do: z.literal('load'), name: PluginName, version: PluginVersion.optional(), by: z.string() }),
  z.object({ do: z.literal('unload'), name: PluginName, by: z.string() }),
  z.object({ do: z.literal('swap'), name: PluginName, version: PluginVersion, by: z.string() }),
  z.object({ do: z.literal('rollback'), name: PluginName, by: z.string() }),
  z.object({ do: z.literal('remove'), name: PluginName, by: z.string() }),
  z.object({ do: z.literal('logs'), name: PluginName, limit: z.int().min(1).max(1_000), after: z.int().min(0).optional().describe('a position: only what was written after it, the oldest first') }),
  z.object({ do: z.literal('resources'), name: PluginName }),
  z.object({ do: z.literal('sandbox') }),
]);
export type PluginCommand = z.output<typeof PluginCommand>;

/** A plugin-host as it says that it is here. */
export const PluginHostPresence = z.object({
  instance: z.string(),
  machine: z.string(),
  pid: z.int(),
  at: z.number(),
  /** X25519, for what only this host may read. */
  publicKey: z.string(),
  /** Why it runs no plugin at all, for a person. It leads only while no other does better. */
  refusal: z.string().optional(),
  /** Whether it has gone once through all that is wanted since it started: what is in use runs by then, or has a reason why not. */
  settled: z.boolean().default(false),
  /** What it runs, by plugin. */
  plugins: z.record(z.string(), z.object({ version: z.string().optional(), state: z.string(), reason: z.string() })),
});
export type PluginHostPresence = z.output<typeof PluginHostPresence>;

/** Something that became of a plugin, for the history. Never holds a secret. */
export const PluginEvent = z.object({
  id: z.string(),
  at: z.number(),
  host: z.string(),
  plugin: z.string(),
  event: z.enum(['approved', 'revoked', 'configured', 'secret-given', 'secret-forgotten', 'started', 'start-failed', 'stopped', 'swapped', 'swap-failed', 'rolled-back', 'dependency-changed', 'removed', 'changed-on-disk']),
  version: z.string().optional(),
  from: z.string().optional(),
  step: z.string().optional(),
  reason: z.string(),
  /** A person, or `system`. */
  by: z.string(),
  ms: z.number().optional(),
});
export type PluginEvent = z.output<typeof PluginEvent>;
