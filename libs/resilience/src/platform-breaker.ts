import type { BreakerPosition } from '@conductor/contracts';
import CircuitBreaker from 'opossum';

export interface BreakerSettings {
  /** Least number of outcomes within 10 s before it may open. */
  volume: number;
  /** Share of failures, in percent, above which it opens. */
  errorPercent: number;
  /** First opening in milliseconds; doubles, with jitter, each time it opens again without having stayed closed. */
  openMs: number;
  maxOpenMs: number;
}

/** Lets one probe at a time through, across all routers. */
export interface ProbeSlot {
  /** @returns whether this caller may probe now */
  take(): Promise<boolean>;
  release(): Promise<void>;
}

export type Verdict = 'success' | 'failure' | 'neutral';

export type Admission =
  | { admitted: true; probe: boolean; settle: (verdict: Verdict, reason?: string) => void }
  | { admitted: false; why: string; retryAt: number };

/** A breaker that stayed closed this long starts again with its first opening time. */
const FORGIVEN_AFTER_MS = 60_000;
/** A probe that never comes back gives its slot up after this time. */
export const PROBE_TIMEOUT_MS = 15_000;

/**
 * Circuit breaker for one operation of one platform. opossum keeps the window and the positions; here is what it lacks: a probe
 * slot shared by all routers, outcomes that arrive long after the call, growing openings, and health verdicts.
 */
export class PlatformBreaker {
  private breaker: CircuitBreaker<[Verdict], void>;
  /** Grows with every change of position: an outcome counts only in the position in which its call was admitted. */
  private generation = 0;
  private probing = false;
  private probeTimer?: NodeJS.Timeout;
  private openings = 0;
  private reopensAt = 0;
  private openedByHealth = false;
  private forcedTo?: 'open' | 'closed' | undefined;
  private lastReason = 'no failures';
  private sinceMs = Date.now();

  constructor(
    private readonly settings: BreakerSettings,
    private readonly slot: ProbeSlot,
    private readonly onChange: (position: BreakerPosition, reason: string) => void,
  ) {
    this.breaker = this.build(false);
  }

  get position(): BreakerPosition {
    if (this.forcedTo) return this.forcedTo;
    return this.breaker.opened ? 'open' : this.breaker.halfOpen ? 'half-open' : 'closed';
  }

  get state() {
    return {
      position: this.position,
      forced: this.forcedTo,
      reason: this.forcedTo ? `forced ${this.forcedTo} by an operator` : this.lastReason,
      since: this.sinceMs,
      retryAt: this.position === 'open' && !this.forcedTo ? this.reopensAt : undefined,
      openings: this.openings,
    };
  }

  /** Asked before each dispatch. Whoever is admitted must settle once the outcome is known. */
  async admit(): Promise<Admission> {
    switch (this.position) {
      case 'closed':
        return this.admission(false);
      case 'open':
        return { admitted: false, why: this.refusal(), retryAt: this.reopensAt };
      case 'half-open':
        return this.admitProbe();
    }
  }

  /** An operator's word; `undefined` takes it back. */
  force(position: 'open' | 'closed' | undefined) {
    if (position === this.forcedTo) return;
    this.forcedTo = position;
    this.changed(this.position, position ? `forced ${position} by an operator` : 'no longer forced');
  }

  /** The health monitor has found the platform failed: nothing more is sent there. */
  trip(reason: string) {
    this.openedByHealth = true;
    if (this.breaker.opened) return;
    this.lastReason = reason;
    this.breaker.open();
  }

  /** The health monitor finds the platform working again: one message may try it, without waiting for the time to be over. */
  probeSoon(reason: string) {
    if (!this.openedByHealth) return;
    this.openedByHealth = false;
    if (!this.breaker.opened) return;
    this.retire();
    this.breaker = this.build(true);
    this.lastReason = reason;
    this.changed('half-open', reason);
  }

  shutdown() {
    clearTimeout(this.probeTimer);
    this.retire();
  }

  private async admitProbe(): Promise<Admission> {
    const taken = { admitted: false, why: 'half-open: another message is trying the platform right now', retryAt: Date.now() + 1_000 } as const;
    if (this.probing) return taken;
    this.probing = true;
    const { generation } = this;
    const free = await this.slot.take().catch(() => true); // cut off from the others, a router goes on with its own
    if (!free) {
      this.probing = false;
      return taken;
    }
    // Forced, tripped or closed while it was asked: the slot is given back, and the new position decides.
    if (generation !== this.generation) {
      this.endProbe();
      return this.admit();
    }
    const admission = this.admission(true);
    this.probeTimer = setTimeout(() => admission.settle('failure', 'the probe brought no answer'), PROBE_TIMEOUT_MS).unref();
    return admission;
  }

  private admission(probe: boolean): Extract<Admission, { admitted: true }> {
    const { generation } = this;
    let settled = false;
    return {
      admitted: true,
      probe,
      settle: (verdict, reason) => {
        if (settled) return;
        settled = true;
        const end = () => probe && this.endProbe();
        // A failure that arrives late, from before the breaker opened, tells nothing new and prolongs nothing.
        if (generation !== this.generation || verdict === 'neutral') return void end();
        if (verdict === 'failure') this.lastReason = reason ?? 'failures';
        // opossum changes its position some microtasks later; until then nobody else may probe.
        this.breaker.fire(verdict).catch(() => {}).finally(end);
      },
    };
  }

  private endProbe() {
    clearTimeout(this.probeTimer);
    this.probing = false;
    void this.slot.release().catch(() => {});
  }

  private build(halfOpen: boolean): CircuitBreaker<[Verdict], void> {
    const breaker = new CircuitBreaker<[Verdict], void>(async (verdict) => {
      if (verdict === 'failure') throw new Error(this.lastReason);
    }, {
      timeout: false, // the adapter keeps the deadline; here only outcomes are counted
      volumeThreshold: this.settings.volume,
      errorThresholdPercentage: this.settings.errorPercent,
      resetTimeout: this.nextOpeningMs(),
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
      ...(halfOpen && { state: { closed: false, halfOpen: true } as never }),
    });
    breaker.on('open', () => {
      const openMs = (breaker as unknown as { options: { resetTimeout: number } }).options.resetTimeout;
      this.reopensAt = Date.now() + openMs;
      this.openings++;
      this.setNextOpening(breaker);
      this.changed('open', this.lastReason);
    });
    breaker.on('halfOpen', () => this.changed('half-open', 'its time is over; the next message tries the platform'));
    breaker.on('close', () => {
      this.openedByHealth = false;
      // With an empty window: failures from before the opening are paid for, one more must not open it again.
      this.retire();
      this.breaker = this.build(false);
      this.changed('closed', 'the platform answered');
    });
    return breaker;
  }

  private nextOpeningMs(): number {
    const grown = Math.min(this.settings.openMs * 2 ** this.openings, this.settings.maxOpenMs);
    return Math.min(this.settings.maxOpenMs, Math.round(this.openings === 0 ? grown : grown * (0.75 + Math.random() / 2)));
  }

  private setNextOpening(breaker: CircuitBreaker<[Verdict], void>) {
    (breaker as unknown as { options: { resetTimeout: number } }).options.resetTimeout = this.nextOpeningMs();
  }

  private changed(position: BreakerPosition, reason: string) {
    this.generation++;
    this.sinceMs = Date.now();
    if (position !== 'open') this.lastReason = reason;
    if (position === 'closed') {
      const { generation } = this;
      setTimeout(() => {
        if (generation !== this.generation) return;
        this.openings = 0;
        this.setNextOpening(this.breaker);
      }, FORGIVEN_AFTER_MS).unref();
    }
    this.onChange(position, reason);
  }

  private refusal(): string {
    if (this.forcedTo) return 'forced open by an operator';
    const seconds = Math.max(1, Math.ceil((this.reopensAt - Date.now()) / 1_000));
    return `open since ${new Date(this.sinceMs).toISOString()} (${this.lastReason}); tried again in ${seconds} s`;
  }

  private retire() {
    this.breaker.removeAllListeners();
    this.breaker.shutdown();
  }
}
