import { z } from 'zod';
import { PluginName, PluginVersion } from './plugin-manifest';

/** What people want of a plugin. Kept in Redis, versioned; every plugin-host follows it. */
export const PluginWish = z.object({
  name: PluginName,
  /** Whether it is to run. */
  enabled: z.boolean().default(false),
  release: PluginVersion.optional().describe('the version that is to run; absent: the newest approved one'),
  previous: PluginVersion.optional().describe('the version that ran before, kept for a rollback'),
  /** As JSON text, since Redis' own JSON cannot tell an empty list from an empty object. */
  config: z.string().default('{}').describe('what `initialize` gets, checked against the schema of the manifest'),
  reason: z.string().optional(),
  by: z.string().optional(),
  /** Grows with every change. */
  version: z.int(),
  at: z.number(),
});
export type PluginWish = z.output<typeof PluginWish>;
