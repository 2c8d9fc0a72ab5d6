import type { DesiredState, LifecycleState, PlatformState } from '@conductor/contracts';
import { clock, type InstanceJudgement } from './instance-verdict';
import type { Rules } from './rules';

export interface JudgedInstance extends InstanceJudgement {
  id: string;
  lifecycle: LifecycleState;
  /** When a check last found it working; epoch milliseconds, 0 for never. */
  goodCheckAt: number;
}

export interface PlatformFacts {
  name: string;
  desired?: DesiredState | undefined;
  instances: readonly JudgedInstance[];
  /** The verdict so far. */
  before?: Pick<PlatformState, 'state' | 'since'> | undefined;
  now: number;
}

export interface PlatformJudgement {
  state: LifecycleState;
  /** For a person: why, and what to do. */
  reason: string;
}

/** The verdict on one platform, from what is wanted of it and from its instances. */
export const judgePlatform = (facts: PlatformFacts, rules: Rules): PlatformJudgement => {
  const { desired, instances, before } = facts;
  if (desired && !desired.enabled) return { state: 'disabled', reason: desired.reason ?? 'switched off by an operator' };
  if (desired?.suspended) return { state: 'suspended', reason: desired.suspended.reason };
  if (instances.length === 0) return judgeAbsent(facts, rules);

  const are = (...verdicts: Array<JudgedInstance['verdict']>) => instances.filter(({ verdict }) => verdicts.includes(verdict));
  const healthy = are('healthy');
  const degraded = are('degraded');
  if (healthy.length > 0 || degraded.length > 0) return recovering(facts) ?? (healthy.length > 0 ? ready(facts, healthy) : { state: 'degraded', reason: listed(degraded) });

  // One bad check is no failure yet, unless it failed before: then it first has to show that it works.
  const failing = are('failing');
  if (failing.length > 0 && before?.state !== 'failed' && before?.state !== 'recovering') return { state: 'degraded', reason: listed(failing) };

  const needy = instances.filter(({ needsAttention }) => needsAttention);
  if (needy.length > 0) return { state: 'needs-attention', reason: listed(needy) };

  const coming = are('starting', 'idle');
  if (coming.length > 0) return { state: coming.some(({ lifecycle }) => lifecycle === 'starting') ? 'starting' : 'registered', reason: listed(coming) };
  return { state: 'failed', reason: `${whyNoneWorks(instances)}; look at its log, or restart it with POST /v1/platforms/${facts.name}/restart` };
};

/** Nobody is there. Before anything ran that is how every start looks; after, something is wrong. */
const judgeAbsent = ({ name, before, now }: PlatformFacts, rules: Rules): PlatformJudgement => {
  const mayCome = !before || ['registered', 'disabled', 'suspended'].includes(before.state);
  if (mayCome && now - (before?.since ?? now) < rules.startGraceMs) return { state: 'registered', reason: 'no instance has reported yet' };
  return { state: 'failed', reason: `no instance is running: start the app that hosts ${name}, or look at its log for why it ended` };
};

/** From failed to ready leads one good check that came after the first sign of life. */
const recovering = ({ before, instances }: PlatformFacts): PlatformJudgement | undefined => {
  const proven = before?.state === 'recovering' && instances.some(({ verdict, goodCheckAt }) => isWorking(verdict) && goodCheckAt > before.since);
  if (proven || (before?.state !== 'failed' && before?.state !== 'recovering')) return undefined;
  return { state: 'recovering', reason: 'it answers again; one more good check and it counts as ready' };
};

const isWorking = (verdict: JudgedInstance['verdict']) => verdict === 'healthy' || verdict === 'degraded';

const ready = ({ instances }: PlatformFacts, healthy: readonly JudgedInstance[]): PlatformJudgement => {
  const others = instances.filter((instance) => !healthy.includes(instance));
  if (others.length > 0) return { state: 'ready', reason: `${healthy.length} of ${instances.length} instances ${healthy.length === 1 ? 'is' : 'are'} healthy; ${listed(others)}` };
  return { state: 'ready', reason: instances.length === 1 ? 'its instance is healthy' : `all ${instances.length} instances are healthy` };
};

const whyNoneWorks = (instances: readonly JudgedInstance[]): string => {
  const silent = instances.filter(({ verdict }) => verdict === 'silent');
  const failed = instances.filter(({ verdict }) => verdict !== 'silent');
  if (failed.length === 0) return `${allOf(silent)} ${silent.length === 1 ? 'is' : 'are'} silent since ${clock(Math.min(...silent.map(({ silentSince }) => silentSince ?? 0)))}${howTheyEnded(silent)}`;
  if (silent.length === 0) return `${allOf(failed)} failed: ${reasonsOf(failed)}`;
  return `none of its ${instances.length} instances works: ${silent.length} silent, ${failed.length} failed (${reasonsOf(failed)})`;
};

const allOf = ({ length }: readonly unknown[]) => (length === 1 ? 'its only instance' : `all ${length} instances`);

const howTheyEnded = (silent: readonly JudgedInstance[]): string => {
  const ended = silent.find(({ reason }) => reason.startsWith('its process '));
  return ended ? `: ${ended.reason}` : '; the process may be dead or hung';
};

const reasonsOf = (instances: readonly JudgedInstance[]): string => [...new Set(instances.map(({ reason }) => reason))].slice(0, 3).join('; ');

/** Names and reasons, of three at most: a reason is read by a person. */
const listed = (instances: readonly JudgedInstance[]): string =>
  [
    ...[...instances].sort((a, b) => a.id.localeCompare(b.id)).slice(0, 3).map(({ id, verdict, reason }) => `${id} is ${verdict}: ${reason}`),
    ...(instances.length > 3 ? [`and ${instances.length - 3} more`] : []),
  ].join('; ');
