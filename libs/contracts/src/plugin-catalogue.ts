import { z } from 'zod';
import { PluginManifest } from './plugin-manifest';

/** What is wrong with one field of a manifest, or with the folder as a whole. */
export const ManifestProblem = z.object({
  field: z.string().describe('e.g. `conductor.permissions.net[0]`; empty for what concerns the whole folder'),
  message: z.string(),
});
export type ManifestProblem = z.output<typeof ManifestProblem>;

const found = {
  folder: z.string().describe('where it lies, symbolic links followed'),
  source: z.enum(['folder', 'package']).describe('a plugin folder, or a package in node_modules'),
};

/** One plugin as discovery found it. No code of it has run. */
export const PluginCandidate = z.discriminatedUnion('state', [
  z.object({ ...found, state: z.literal('valid'), name: z.string(), version: z.string(), manifest: PluginManifest }),
  /** Its files are still changing; it is looked at again by itself. */
  z.object({ ...found, state: z.literal('being-written'), name: z.string().optional(), version: z.string().optional(), problems: z.array(ManifestProblem) }),
  z.object({ ...found, state: z.literal('invalid'), name: z.string().optional(), version: z.string().optional(), problems: z.array(ManifestProblem) }),
]);
export type PluginCandidate = z.output<typeof PluginCandidate>;
export type ValidPlugin = Extract<PluginCandidate, { state: 'valid' }>;
