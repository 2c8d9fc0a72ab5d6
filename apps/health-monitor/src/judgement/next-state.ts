import type { InstanceHealth, PlatformState } from '@conductor/contracts';
import type { PlatformJudgement } from './platform-verdict';

/** The state of a platform after a judgement. `changed`: routers have to hear of it, so its version has grown. */
export const nextState = (
  name: string,
  { state, reason }: PlatformJudgement,
  instances: InstanceHealth[],
  before: PlatformState | undefined,
  now: number,
): { next: PlatformState; changed: boolean } => {
  const changed = !before || before.state !== state || before.reason !== reason || line(before.instances) !== line(instances);
  const since = before?.state === state ? before.since : now;
  return { next: { name, state, reason, since, version: (before?.version ?? 0) + (changed ? 1 : 0), at: now, instances }, changed };
};

/** Figures change with every check and are nobody's business but the reader's; who is there and how he is, is everyone's. */
const line = (instances: readonly InstanceHealth[]): string =>
  instances
    .map(({ id, verdict }) => `${id} ${verdict}`)
    .sort()
    .join();
