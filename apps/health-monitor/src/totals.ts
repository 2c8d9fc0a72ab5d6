/** Counted since an instance started. */
export interface Totals {
  requests: number;
  errors: number;
}

/** Counted since the check before. */
export type Deltas = Totals;

/**
 * What came since the check before. Smaller totals mean that the instance began anew.
 * @param inherited another monitor counted up to now, and what it counted is not known: then nothing is counted twice
 */
export const since = (before: Totals | undefined, now: Totals, inherited: boolean): Deltas => {
  if (!before) return inherited ? { requests: 0, errors: 0 } : { requests: now.requests, errors: now.errors };
  const anew = now.requests < before.requests || now.errors < before.errors;
  return anew ? { requests: now.requests, errors: now.errors } : { requests: now.requests - before.requests, errors: now.errors - before.errors };
};
