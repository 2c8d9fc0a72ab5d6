/** Outcomes of the last minutes, second by second: enough to tell one version's share of failures from another's. */
const KEPT_SECONDS = 600;

export interface Outcomes {
  readonly requests: number;
  readonly errors: number;
}

export class OutcomeTally {
  private readonly seconds = new Map<number, { requests: number; errors: number }>();

  record(failed: boolean, at = Date.now()): void {
    const second = Math.floor(at / 1_000);
    let bucket = this.seconds.get(second);
    if (!bucket) {
      this.seconds.set(second, (bucket = { requests: 0, errors: 0 }));
      for (const old of this.seconds.keys()) if (old < second - KEPT_SECONDS) this.seconds.delete(old);
    }
    bucket.requests++;
    if (failed) bucket.errors++;
  }

  /** @param from epoch milliseconds */
  since(from: number): Outcomes {
    let requests = 0;
    let errors = 0;
    for (const [second, bucket] of this.seconds) {
      if ((second + 1) * 1_000 <= from) continue;
      requests += bucket.requests;
      errors += bucket.errors;
    }
    return { requests, errors };
  }
}

/** Failures per message, 0 to 1; without any message none has failed. */
export const errorRate = ({ requests, errors }: Outcomes): number => (requests === 0 ? 0 : errors / requests);
