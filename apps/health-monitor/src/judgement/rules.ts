import type { Config } from '@conductor/config';

/** What is judged by. Times in milliseconds. */
export interface Rules {
  readonly timeoutMs: number;
  /** A slower answer marks an instance degraded. */
  readonly degradedAboveMs: number;
  /** So many failed checks in a row mark an instance failed. */
  readonly failuresToFail: number;
  /** An instance whose presence does not move for so long is silent. */
  readonly presenceTtlMs: number;
  /** For so long `starting` is no failure, and a platform of which nothing runs yet is no failed one. */
  readonly startGraceMs: number;
  /** From so many requests between two checks on, the share of errors among them is looked at. */
  readonly leastRequests: number;
  readonly errorPercent: number;
}

const START_GRACE_MS = 60_000;

export const rulesFrom = ({ health, breaker }: Config): Rules => ({
  timeoutMs: health.timeoutMs,
  degradedAboveMs: health.degradedAboveMs,
  failuresToFail: health.failuresToFail,
  presenceTtlMs: health.presenceTtlMs,
  startGraceMs: START_GRACE_MS,
  // The same as for the circuit breakers, so that both speak of the same trouble.
  leastRequests: breaker.volume,
  errorPercent: breaker.errorPercent,
});
