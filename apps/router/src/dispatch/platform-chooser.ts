import type { PlatformDirectory } from '@conductor/control';
import type { Admission, BreakerBoard } from '@conductor/resilience';

export interface PassedOver {
  platform: string;
  why: string;
  /** When it may be worth asking again (epoch ms), where that is known. */
  retryAt?: number;
}

export interface Choice {
  platform: string | undefined;
  admission?: Extract<Admission, { admitted: true }>;
  /** Candidates after the chosen one. */
  fallbacks: string[];
  passedOver: PassedOver[];
}

/** Picks the first candidate that is known, wanted, working and let through by its circuit breaker. */
export class PlatformChooser {
  constructor(
    private readonly directory: PlatformDirectory,
    private readonly breakers: BreakerBoard,
  ) {}

  isKnown(platform: string): boolean {
    return this.directory.has(platform);
  }

  async choose(candidates: readonly string[], operation: string): Promise<Choice> {
    const passedOver: PassedOver[] = [];
    for (const [index, platform] of candidates.entries()) {
      const availability = this.directory.availability(platform);
      if (!this.isKnown(platform)) passedOver.push({ platform, why: 'there is no such platform' });
      else if (!availability.available) passedOver.push({ platform, why: `${availability.state}: ${availability.why}` });
      else {
        const admission = await this.breakers.admit(platform, operation);
        if (admission.admitted) return { platform, admission, fallbacks: candidates.slice(index + 1), passedOver };
        passedOver.push({ platform, why: `circuit breaker ${admission.why}`, retryAt: admission.retryAt });
      }
    }
    return { platform: undefined, fallbacks: [], passedOver };
  }

  /** Every candidate as it stands now. Changes nothing: a half-open breaker is not probed. */
  inspect(candidates: readonly string[], operation: string) {
    return candidates.map((platform) => {
      const { available, state, why } = this.directory.availability(platform);
      const breaker = this.breakers.position(platform, operation);
      const known = this.isKnown(platform);
      const usable = known && available && breaker.position !== 'open';
      return {
        platform,
        state: known ? state : 'unknown',
        reason: known ? why : 'there is no such platform',
        breaker: breaker.position,
        available: usable,
        why: !known ? 'there is no such platform' : !available ? `${state}: ${why}` : breaker.position === 'open' ? `circuit breaker: ${breaker.why}` : 'available',
      };
    });
  }
}
