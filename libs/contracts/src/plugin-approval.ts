import { z } from 'zod';
import { PlatformName } from './names';
import { PluginName, PluginPermissions, PluginVersion, SecretName } from './plugin-manifest';

/** One thing in a plugin's code that a person should look at. */
export const ScanFinding = z.object({
  file: z.string(),
  line: z.int().optional(),
  /** Stable, kebab-case, e.g. `unsafe-stmt` (eval), `data-exfiltration`, `import-not-permitted`. */
  kind: z.string(),
  severity: z.enum(['information', 'warning', 'critical']),
  message: z.string().describe('for a person'),
});
export type ScanFinding = z.output<typeof ScanFinding>;

/** What reading a plugin's code brought to light. Nothing of it has run. */
export const ScanReport = z.object({
  files: z.int().describe('files of code that were read'),
  /** Everything the code imports: Node's own modules, packages, and files. */
  imports: z.array(z.string()),
  findings: z.array(ScanFinding),
  /** Why it could not be read to its end; then nothing is known of the rest. */
  incomplete: z.string().optional(),
  tookMs: z.number(),
});
export type ScanReport = z.output<typeof ScanReport>;

export const SignatureState = z.discriminatedUnion('state', [
  z.object({ state: z.literal('valid'), key: z.string().describe('name of the key, as configured') }),
  z.object({ state: z.literal('unsigned') }),
  z.object({ state: z.literal('invalid'), reason: z.string() }),
]);
export type SignatureState = z.output<typeof SignatureState>;

const Integrity = z.string().regex(/^sha256-[0-9a-f]{64}$/);

/** One approved version. */
export const Approval = z.strictObject({
  integrity: Integrity,
  /** SHA-256 of each file, its first 16 hexadecimal digits: enough to say later which file changed. */
  files: z.record(z.string(), z.string()),
  permissions: PluginPermissions,
  /** Platforms that it may run; absent in approvals of before. They are part of its files, so a change needs approval again. */
  platforms: z.array(PlatformName).optional(),
  /** Those of the permissions' secrets that a person granted. */
  secrets: z.array(SecretName),
  approvedBy: z.string(),
  approvedAt: z.iso.datetime(),
  signedBy: z.string().optional(),
});
export type Approval = z.output<typeof Approval>;

/** A secret that a plugin asks for and does not get yet. */
export const MissingSecret = z.object({ name: SecretName, granted: z.boolean(), given: z.boolean(), todo: z.string().describe('what brings it to the plugin') });
export type MissingSecret = z.output<typeof MissingSecret>;

/** What an approval answers. */
export const ApprovalView = Approval.extend({ missing: z.array(MissingSecret).describe('secrets that it asks for and will not get as things are; empty when nothing is missing') });
export type ApprovalView = z.output<typeof ApprovalView>;

/** `conductor.lock.json` */
export const PluginLock = z.strictObject({
  format: z.literal(1),
  plugins: z.record(PluginName, z.strictObject({
    /** The version that runs, or would run; kept when versions are chosen anew, as long as that is possible. */
    version: PluginVersion.optional(),
    approved: z.record(PluginVersion, Approval),
  })),
});
export type PluginLock = z.output<typeof PluginLock>;

/** What is different from what was approved. */
export const ApprovalChange = z.object({
  files: z.object({ added: z.array(z.string()), removed: z.array(z.string()), changed: z.array(z.string()) }),
  permissions: z.array(z.string()).describe('one change a line, e.g. `+ net: api.example.org` or `- platform: telegram`'),
});
export type ApprovalChange = z.output<typeof ApprovalChange>;

/** All that a person should know before they approve a plugin. */
export const PluginInspection = z.object({
  name: PluginName,
  version: PluginVersion,
  integrity: Integrity,
  files: z.int(),
  bytes: z.int(),
  permissions: PluginPermissions,
  /** Platforms that it wants to run. */
  platforms: z.array(PlatformName),
  scan: ScanReport,
  signature: SignatureState,
  /** `approved`: exactly this was approved. `changed`: this version was, with other files or permissions. */
  approval: z.enum(['approved', 'changed', 'never']),
  /** Against the approval of this version, or else of the newest approved one. */
  change: ApprovalChange.extend({ since: z.string().describe('the version compared with') }).optional(),
  /** Why it cannot be approved as it is; empty when it can. */
  obstacles: z.array(z.string()),
});
export type PluginInspection = z.output<typeof PluginInspection>;
