import type { Generation } from '../sandbox/generation';
import { errorRate, type Outcomes, type OutcomeTally } from './outcome-tally';
import type { LifecycleSettings } from './settings';

export interface Watched {
  readonly platform: string;
  readonly generation: Generation;
  readonly tally: OutcomeTally;
  /** Of the version before, within as long a time. */
  readonly before: Outcomes;
}

/** Looks after a version that has just taken over, for its first minute. */
export class SwapWatch {
  private readonly timer: NodeJS.Timeout;
  private readonly end: NodeJS.Timeout;

  /** @param onTrouble called once at most, with a reason for a person */
  constructor(
    private readonly watched: readonly Watched[],
    private readonly settings: LifecycleSettings,
    onTrouble: (reason: string) => void,
  ) {
    const look = () => {
      const reason = this.trouble();
      if (reason === undefined) return;
      this.stop();
      onTrouble(reason);
    };
    this.timer = setInterval(look, Math.min(settings.lookMs, 250)).unref();
    this.end = setTimeout(() => this.stop(), settings.watchMs).unref();
  }

  stop() {
    clearInterval(this.timer);
    clearTimeout(this.end);
  }

  private trouble(): string | undefined {
    return this.watched.map((one) => this.troubleOf(one)).find((reason) => reason !== undefined);
  }

  private troubleOf({ platform, generation, tally, before }: Watched): string | undefined {
    const { version } = generation.spec;
    if (generation.needsAttention !== undefined) return `${version} does not live: ${generation.needsAttention}`;
    // The whole tally: this generation has had no other messages than since the switch.
    const now = tally.since(0);
    const [rate, old] = [errorRate(now), errorRate(before)];
    if (now.errors < this.settings.watchErrors || rate * 100 <= old * 100 + this.settings.watchMarginPercent) return undefined;
    return `${now.errors} of ${now.requests} messages failed on ${platform} since ${version} took over (${percent(rate)} %; ${percent(old)} % before)`;
  }
}

const percent = (rate: number) => Math.round(rate * 1_000) / 10;
