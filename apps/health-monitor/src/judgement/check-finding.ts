import type { HealthReport, LifecycleState } from '@conductor/contracts';
import type { Rules } from './rules';

/** What one check found. Only `failed` counts towards the failures in a row; `starting` and `idle` are neither good nor bad. */
export interface CheckFinding {
  result: 'ok' | 'degraded' | 'failed' | 'needs-attention' | 'starting' | 'idle';
  /** For a person. Holds no measured figures, since each change of it is published to every router. */
  reason: string;
}

export interface CheckFacts {
  /** As its presence says, and for how long. */
  lifecycle: LifecycleState;
  lifecycleForMs: number;
  /** Absent: it did not answer in time. */
  answer?: {
    report: HealthReport;
    responseTimeMs: number;
    /** Since the check before. */
    requests: number;
    errors: number;
  };
}

export const findingOf = ({ lifecycle, lifecycleForMs, answer }: CheckFacts, rules: Rules): CheckFinding => {
  const inGrace = lifecycleForMs < rules.startGraceMs;
  if (!answer) {
    // Loading a platform may hold the event loop for seconds.
    if ((lifecycle === 'starting' || lifecycle === 'registered') && inGrace) return { result: 'starting', reason: 'starting' };
    if (isIdle(lifecycle)) return { result: 'idle', reason: lifecycle };
    return { result: 'failed', reason: `it gave no answer within ${rules.timeoutMs} ms` };
  }
  const { report, responseTimeMs, requests, errors } = answer;
  const { status, reason } = report.health;
  if (isIdle(report.lifecycle)) return { result: 'idle', reason: reason ?? report.lifecycle };
  if (report.lifecycle === 'registered') return { result: 'starting', reason: reason ?? 'waiting for its turn to start' };
  if (report.lifecycle === 'starting') {
    return inGrace ? { result: 'starting', reason: reason ?? 'starting' } : { result: 'failed', reason: `it has been starting for more than ${rules.startGraceMs / 1_000} s` };
  }
  if (report.lifecycle === 'needs-attention' || status === 'needs-attention') return { result: 'needs-attention', reason: reason ?? 'it needs the attention of a person' };
  if (status === 'failed') return { result: 'failed', reason: reason ?? 'it says that it failed' };
  if (status === 'degraded') return { result: 'degraded', reason: reason ?? 'it says that it is degraded' };
  if (responseTimeMs > rules.degradedAboveMs) return { result: 'degraded', reason: `it answers slower than ${rules.degradedAboveMs} ms` };
  if (requests >= rules.leastRequests && errors * 100 >= requests * rules.errorPercent) {
    return { result: 'degraded', reason: `${rules.errorPercent} % or more of its latest messages failed` };
  }
  return { result: 'ok', reason: reason ?? 'healthy' };
};

export const isIdle = (lifecycle: LifecycleState): boolean => lifecycle === 'disabled' || lifecycle === 'suspended';
