import type { ScalingDecision, ScalingPolicyView } from '@conductor/contracts';
import type { Decider } from '../decide';
import type { ModelDecision } from '../forecast';

/** An operator changed what is decided by. */
export const policyChanged = ({ version, policy }: ScalingPolicyView, who: Decider, now: number): ScalingDecision => ({
  id: `p-${now.toString(36)}-${who.token}-${version}`,
  at: now,
  kind: 'policy-changed',
  platforms: [],
  trigger: 'operator',
  rule: 'the policy is changed at the conductor’s door',
  reason: `from now on version ${version} of the policy holds: platforms are shed at ${policy.disableAtPercent} %, return below ${policy.restoreAtPercent} %, and an emergency begins at ${policy.emergencyAtPercent} %; the order is ${policy.order.join(', ') || 'none'}`,
  inputs: {},
  action: { type: 'none' },
  expected: {},
  reconsiderAt: now,
  ...who,
});

/** Another model is believed from now on, or one is not listened to for a while; the figures are in it. */
export const championChanged = ({ at, series, horizonMs, kind, model, reason, records }: ModelDecision, who: Decider): ScalingDecision => {
  const [target = '', ...of] = series.split(':');
  return {
    id: `m-${at.toString(36)}-${who.token}-${series}-${horizonMs / 1_000}-${kind}`.slice(0, 64),
    at,
    kind: 'champion-changed',
    platforms: target === 'memory' ? [] : [of.join(':')],
    trigger: 'models',
    rule: 'champion and challenger: by rolling error and under-provisioning, with a margin and a minimum dwell',
    reason,
    inputs: { models: records.map((record) => ({ model: record.model, error: finite(record.error), under: finite(record.under), weight: record.weight, chosen: record.model === model })) },
    action: { type: 'none' },
    expected: {},
    reconsiderAt: at,
    ...who,
  };
};

/** Without evidence there is no error. */
const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
