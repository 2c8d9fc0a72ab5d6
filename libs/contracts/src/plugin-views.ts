import { z } from 'zod';
import { LifecycleState } from './platform-state';
import { ManifestProblem } from './plugin-catalogue';
import { PluginName, PluginPermissions, PluginVersion, SecretName } from './plugin-manifest';

/**
 * `available`: lies there and is not wanted. `waiting`: wanted, and something is missing (an approval, a secret, a plugin it depends on).
 * `running`: takes messages; a lazy plugin may have no process all the same. `invalid`: nothing of it can be used.
 */
export const PluginStatus = z.enum(['invalid', 'available', 'waiting', 'starting', 'running', 'swapping', 'degraded', 'failed']);
export type PluginStatus = z.output<typeof PluginStatus>;

/** One version of a plugin that lies on the machine, or whose approved copy is kept. */
export const PluginRelease = z.object({
  version: PluginVersion,
  /** Where it was found; absent when only its approved copy is left. */
  folder: z.string().optional(),
  source: z.enum(['folder', 'package', 'copy']),
  approved: z.boolean(),
  integrity: z.string().optional().describe('of the approved files'),
  /** Generations of it that hold their files in use. */
  uses: z.int(),
});
export type PluginRelease = z.output<typeof PluginRelease>;

const ProcessView = z.object({
  pid: z.int(),
  startedAt: z.number(),
  rssMb: z.number(),
  requests: z.int(),
  inFlight: z.int(),
  cpuMs: z.number().describe('processor time since it began'),
  requestsCpuMs: z.number().describe('of that, while messages were in hand'),
  cpuMsPerRequest: z.number().describe('the same per message'),
  largestRequestCpuMs: z.number().describe('of the message that cost the most; several in hand at once share what is used'),
  lagMs: z.number().describe('how long its event loop took to answer, or owes an answer'),
});

/** One generation of one platform of a plugin, with its processes. */
export const GenerationView = z.object({
  id: z.string(),
  platform: z.string(),
  version: PluginVersion,
  /** Whether messages go to it. */
  serving: z.boolean(),
  loaded: z.boolean().describe('whether it has a process'),
  inFlight: z.int(),
  starts: z.int(),
  restarts: z.int(),
  processes: z.array(ProcessView),
  latestEnd: z.object({ reason: z.string(), at: z.number() }).optional(),
});
export type GenerationView = z.output<typeof GenerationView>;

/** One plugin as operators see it. */
export const PluginView = z.object({
  name: PluginName,
  state: PluginStatus,
  reason: z.string().describe('for a person: why, and what to do'),
  enabled: z.boolean(),
  version: PluginVersion.optional().describe('the one that takes messages'),
  wanted: PluginVersion.optional(),
  previous: PluginVersion.optional().describe('what a rollback would bring back'),
  load: z.enum(['lazy', 'eager']).optional(),
  exclusive: z.boolean().optional(),
  platforms: z.array(z.object({ name: z.string(), state: LifecycleState, reason: z.string() })),
  releases: z.array(PluginRelease).describe('the newest first'),
  problems: z.array(z.object({ folder: z.string(), problems: z.array(ManifestProblem) })).describe('folders of it that cannot be used'),
  dependsOn: z.array(z.object({ name: PluginName, range: z.string(), state: PluginStatus.optional() })),
  dependants: z.array(PluginName).describe('plugins that run and ask for it'),
  permissions: PluginPermissions.optional().describe('granted to the version that runs'),
  secrets: z.array(z.object({ name: SecretName, granted: z.boolean(), given: z.boolean() })).describe('asked for, granted, handed in; never their values'),
  incidents: z.record(z.string(), z.int()).describe('what it was stopped at, by kind'),
});
export type PluginView = z.output<typeof PluginView>;

export const SwapStep = z.enum(['resolve', 'scan', 'start', 'health', 'canary', 'switch', 'hand-over', 'drain', 'stop']);
export type SwapStep = z.output<typeof SwapStep>;

/** What a swap did. A step that failed is the last one, and the old version serves. */
export const SwapReport = z.object({
  plugin: PluginName,
  from: PluginVersion.optional(),
  to: PluginVersion,
  steps: z.array(z.object({ step: SwapStep, ms: z.number(), detail: z.string().optional() })),
  /** Plugins that ask for this one. `restarted`: their range demanded another version of them. */
  dependants: z.array(z.object({ name: PluginName, told: z.literal(true), restarted: z.boolean() })),
  proof: z.array(z.object({ generation: z.string(), processes: z.array(z.int()), leftovers: z.array(z.string()), unfinished: z.int().describe('messages in hand when the deadline was over') })).describe('how the old one ended'),
  watchedMs: z.number().describe('errors above the old rate within this time bring the old version back'),
});
export type SwapReport = z.output<typeof SwapReport>;

/** A dry run of the resolution, as `POST /v1/plugins/resolve` answers. */
export const ResolutionView = z.object({
  ok: z.boolean(),
  /** In the order in which they start. */
  plugins: z.array(z.object({ name: z.string(), version: z.string(), askedBy: z.array(z.object({ by: z.string().optional(), range: z.string().optional(), capability: z.string().optional() })), after: z.array(z.string()) })),
  code: z.enum(['conflict', 'missing', 'cycle', 'gave-up']).optional(),
  reason: z.string().optional(),
  because: z.array(z.string()).describe('who asks for what, as far as it matters'),
  argument: z.array(z.string()).describe('how that leads to the refusal'),
});
export type ResolutionView = z.output<typeof ResolutionView>;

export const DiscoveryView = z.object({
  tookMs: z.number(),
  plugins: z.int(),
  invalid: z.array(z.object({ folder: z.string(), name: z.string().optional(), state: z.string(), problems: z.array(ManifestProblem) })),
  added: z.array(z.string()),
  removed: z.array(z.string()),
  changed: z.array(z.string()),
});
export type DiscoveryView = z.output<typeof DiscoveryView>;

const LogLine = z.object({ position: z.int().describe('grows from line to line on one host'), at: z.number(), stream: z.enum(['stdout', 'stderr', 'log']), generation: z.string(), pid: z.int(), text: z.string() });
export const PluginLogs = z.object({
  lines: z.array(LogLine),
  pushedOut: z.int().describe('older lines that are not kept any more'),
  position: z.int().describe('where to go on reading'),
  gap: z.boolean().describe('lines after the position asked for are not kept any more'),
});
export type PluginLogs = z.output<typeof PluginLogs>;

const IncidentView = z.object({ kind: z.string(), detail: z.string(), generation: z.string(), pid: z.int().optional(), firstAt: z.number(), at: z.number(), times: z.int() });
export const PluginResources = z.object({ generations: z.array(GenerationView), incidents: z.array(IncidentView) });
export type PluginResources = z.output<typeof PluginResources>;

const WallView = z.object({ name: z.string(), up: z.boolean(), stops: z.string(), reason: z.string(), required: z.boolean().describe('strict mode runs nothing without it; without `files`, `network`, `processes` and `user` nothing runs unless an admin allows it') });
export const SandboxView = z.object({
  strict: z.boolean(),
  allowMissing: z.array(z.string()).default([]).describe('layers of isolation that may be missing, by PLUGIN_ALLOW_MISSING_ISOLATION'),
  refusal: z.string().optional().describe('why no plugin runs on this machine, and what to do'),
  walls: z.array(WallView),
  complete: z.boolean(),
});
export type SandboxView = z.output<typeof SandboxView>;

/** The walls as every plugin-host found them on its machine; those of the one that leads in front. */
export const SandboxesView = SandboxView.extend({ hosts: z.array(SandboxView.extend({ host: z.string() })) });
export type SandboxesView = z.output<typeof SandboxesView>;
