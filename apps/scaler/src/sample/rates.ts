import type { Presence } from '@conductor/contracts';

interface Counted {
  readonly at: number;
  readonly requests: number;
  readonly errors: number;
}

export interface Rate {
  readonly requestsPerSecond: number;
  /** Share of failed messages, 0 to 1. */
  readonly errorRate: number;
}

/** Less time between two counts than this says little. */
const LEAST_MS = 2_000;

/**
 * Turns the totals that instances report into rates. A total that became smaller means that the counter began anew: what came meanwhile is not
 * known, so there is no rate until the next count. An instance that is new since the last look began at 0.
 */
export class Rates {
  private readonly counted = new Map<string, Counted>();
  private readonly rates = new Map<string, { at: number; rate: Rate | undefined }>();
  private lookedAt: number | undefined;

  /** The rate of each platform, over its instances; undefined where it cannot be told. */
  of(presences: readonly Presence[], now: number): Map<string, Rate | undefined> {
    const due = this.lookedAt === undefined || now < this.lookedAt || now - this.lookedAt >= LEAST_MS;
    if (due) this.look(presences, now);
    return new Map([...this.rates].map(([platform, { rate }]) => [platform, rate]));
  }

  private look(presences: readonly Presence[], now: number): void {
    const before = this.lookedAt;
    this.lookedAt = now;
    this.rates.clear();
    for (const [platform, of] of Map.groupBy(presences, (presence) => presence.platform)) {
      const parts = of.map((presence) => this.since(presence, before));
      const rate = parts.includes(undefined) ? undefined : sumOf(parts.filter((part) => part !== undefined));
      this.rates.set(platform, { at: now, rate });
    }
    const here = new Set(presences.map(({ instance }) => instance));
    for (const instance of this.counted.keys()) if (!here.has(instance)) this.counted.delete(instance);
  }

  private since({ instance, at, startedAt, requests, errors }: Presence, lookedAt: number | undefined): { seconds: number; requests: number; errors: number } | undefined {
    if (requests === undefined || errors === undefined) return undefined;
    const known = this.counted.get(instance);
    this.counted.set(instance, { at, requests, errors });
    const before = known ?? (lookedAt !== undefined && startedAt >= lookedAt ? { at: startedAt, requests: 0, errors: 0 } : undefined);
    if (!before || at <= before.at || requests < before.requests || errors < before.errors) return undefined;
    return { seconds: (at - before.at) / 1_000, requests: requests - before.requests, errors: errors - before.errors };
  }
}

const sumOf = (parts: ReadonlyArray<{ seconds: number; requests: number; errors: number }>): Rate => {
  const requests = parts.reduce((sum, part) => sum + part.requests, 0);
  const errors = parts.reduce((sum, part) => sum + part.errors, 0);
  return { requestsPerSecond: parts.reduce((sum, part) => sum + part.requests / part.seconds, 0), errorRate: requests > 0 ? errors / requests : 0 };
};
