import type { Config } from '@conductor/config';

/** How often and how long things happen here, in milliseconds. */
export interface Timing {
  readonly intervalMs: number;
  /** A round of checks ends in its own period. */
  readonly timeoutMs: number;
  /** How often the presences are looked through between the checks, and the lease is renewed. */
  readonly watchMs: number;
  /** Another monitor takes over this long after the acting one fell silent. */
  readonly leaseMs: number;
  /** An instance that is silent for so long is forgotten. */
  readonly forgetAfterMs: number;
}

export const timingFrom = ({ health: { intervalMs, timeoutMs } }: Config): Timing => {
  const watchMs = Math.min(500, Math.ceil(intervalMs / 4));
  return {
    intervalMs,
    timeoutMs: Math.min(timeoutMs, Math.ceil(intervalMs * 0.8)),
    watchMs,
    leaseMs: Math.max(4 * watchMs, Math.min(intervalMs, 3_000)),
    forgetAfterMs: 600_000,
  };
};
