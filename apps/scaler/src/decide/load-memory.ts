import type { PlatformObservation } from './observation';
import type { LoadMemory } from './scaler-state';

/** What is normal follows the rate with this half-life, in milliseconds. */
const HALF_LIFE_MS = 300_000;
/** Longer than this a spike is no spike any more but the new normal. */
export const SPIKE_MS = 30_000;
/** So long a platform must have been watched before anything is called abnormal. */
export const KNOWN_AFTER_MS = 60_000;

/** Learns what is normal for a platform. A rate that might be a spike does not count towards it while that is being found out. */
export const learnLoad = (memory: LoadMemory | undefined, seen: PlatformObservation, now: number, sinceMs: number, spikeFactor: number, leastRate: number): LoadMemory => {
  const before: LoadMemory = memory ?? { seenMs: 0 };
  const { spikeSince: _spike, ...rest } = before;
  const base = seen.definedConcurrency ?? (seen.wantedConcurrency === undefined && seen.instances > 0 ? seen.concurrency / seen.instances : undefined);
  const known = { ...rest, ...(base !== undefined && { baseConcurrency: base }) };
  const rate = seen.requestsPerSecond;
  if (rate === undefined) return { ...known, ...(before.spikeSince !== undefined && { spikeSince: before.spikeSince }) };
  const normal = before.normal;
  if (normal === undefined) return { ...known, normal: rate, seenMs: sinceMs };
  const high = before.seenMs >= KNOWN_AFTER_MS && rate >= leastRate && rate >= spikeFactor * normal;
  const spikeSince = high ? (before.spikeSince ?? now) : undefined;
  const learns = spikeSince === undefined || now - spikeSince > SPIKE_MS;
  const share = 1 - 2 ** -(sinceMs / HALF_LIFE_MS);
  // While little is known the plain mean is the better guess.
  const weight = Math.max(share, Math.min(1, sinceMs / Math.max(1, before.seenMs + sinceMs)));
  return { ...known, normal: learns ? normal + (rate - normal) * weight : normal, seenMs: Math.min(before.seenMs + sinceMs, 86_400_000), ...(spikeSince !== undefined && { spikeSince }) };
};

/** Seen twice in a row: one figure alone may be chance. */
export const isSpike = ({ spikeSince }: LoadMemory, now: number): boolean => spikeSince !== undefined && now > spikeSince && now - spikeSince <= SPIKE_MS;
