import { Json, PluginVersion, SecretName, VersionRange, PluginName } from '@conductor/contracts';
import { z } from 'zod';

/** What callers send to the doors of plugins. */
export const ApproveBody = z.strictObject({
  version: PluginVersion,
  integrity: z.string().regex(/^sha256-[0-9a-f]{64}$/).describe('the hash that the inspection showed: what is approved is what was seen'),
  secrets: z.array(SecretName).max(32).default([]).describe('of the secrets asked for, those that are granted, each by its name'),
  acceptFindings: z.boolean().default(false).describe('the critical findings of the scan were seen'),
}).meta({ example: { version: '1.0.0', integrity: `sha256-${'0'.repeat(64)}`, secrets: ['BOT_TOKEN'] } });
export const LoadBody = z.strictObject({ version: PluginVersion.optional().describe('absent: the one used last, or the newest approved') }).optional().meta({ example: { version: '1.0.0' } });
export const SwapBody = z.strictObject({ version: PluginVersion }).meta({ example: { version: '1.1.0' } });
export const ResolveBody = z.strictObject({ plugins: z.array(z.strictObject({ name: PluginName, range: VersionRange.default('*') })).min(1).max(200) }).meta({ example: { plugins: [{ name: 'greeter', range: '^1.0.0' }] } });
export const SecretBody = z.strictObject({ value: z.string().min(1).max(65_536).describe('the secret itself; shown to nobody again') }).meta({ example: { value: 'the secret itself' } });
export const ConfigBody = z.record(z.string(), Json).meta({ example: { greeting: 'Good day!' } });
export const LogsQuery = z.strictObject({ limit: z.coerce.number().int().min(1).max(1_000).default(200) });
export const InspectionQuery = z.strictObject({ version: PluginVersion.optional() });
export const HistoryQuery = z.strictObject({ limit: z.coerce.number().int().min(1).max(1_000).default(100), before: z.coerce.number().int().optional() });
