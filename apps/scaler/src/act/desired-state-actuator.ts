import type { DesiredState, ScalingDecision, ScalingPolicy } from '@conductor/contracts';
import type { PlatformDirectory } from '@conductor/control';
import { causeOf, inWords } from '../decide';
import type { Actuator } from './actuator';

type Wish = Parameters<PlatformDirectory['desire']>[1];

/** Writes wishes into the desired state, which instances and the launcher obey. Each carries the token of who decided. */
export class DesiredStateActuator implements Actuator {
  constructor(
    private readonly directory: PlatformDirectory,
    private readonly policy: () => ScalingPolicy,
  ) {}

  async carryOut(decision: ScalingDecision): Promise<void> {
    for (const platform of decision.platforms) {
      const wish = this.wishOf(decision, this.directory.desired.get(platform));
      if (wish) await this.directory.desire(platform, wish, { name: 'scaler', token: decision.token });
    }
  }

  async tellEffect(decision: ScalingDecision): Promise<void> {
    if (decision.action.type !== 'suspend' || !decision.measured) return;
    for (const platform of decision.platforms) {
      const suspended = this.directory.desired.get(platform)?.suspended;
      if (suspended?.decision !== decision.id) continue;
      await this.directory.desire(platform, { suspended: { ...suspended, freedMb: decision.measured.freedMb } }, { name: 'scaler', token: decision.token });
    }
  }

  private wishOf(decision: ScalingDecision, before: DesiredState | undefined): Wish | undefined {
    const { action, id, at, by } = decision;
    const { restoreAtPercent, restoreAfterMs } = this.policy();
    switch (action.type) {
      case 'suspend':
        // Pinned, switched off or suspended in the meantime: a person's word stands.
        if (before?.pinned || before?.enabled === false || isHeldByOthers(before)) return undefined;
        return { suspended: { reason: `shed because ${causeOf(decision)}`, since: at, by, decision: id, returnsWhen: `RAM stays below ${restoreAtPercent} % for ${inWords(restoreAfterMs)}` } };
      case 'resume':
        return before?.suspended && !isHeldByOthers(before) ? { suspended: null } : undefined;
      case 'concurrency':
        return { concurrency: action.to };
      case 'instances':
        return { instances: action.to };
      case 'pool-size':
        return { poolSize: action.to };
      case 'none':
        return undefined;
    }
  }
}

/** Suspended by whoever is no scaler: those name the decision. */
const isHeldByOthers = (wish: DesiredState | undefined): boolean => wish?.suspended !== undefined && wish.suspended.decision === undefined;
