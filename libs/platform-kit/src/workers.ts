import type { DesiredState, Outcome, Presence } from '@conductor/contracts';
import { AdaptiveLimit } from './adaptive-limit';
import type { PlatformDefinition, withDefaults } from './platform-plugin';

/**
 * Jobs an instance holds at once. One is enough where nothing is slow of late and messages come singly: each idle slot asks Redis
 * for more. Otherwise there are some, so that a slow message holds nobody up and a crowd keeps the processes between it and Redis
 * busy, and one for every millisecond that a message takes.
 */
export const FEWEST_SLOTS = 4;
const SLOW_MS = 5;
/** Messages in hand at once, on average. */
const CROWD = 8;
/** By message: one that took 100 ms is forgotten after 300 fast ones. */
const FORGETTING = 0.99;
/** A stranger counts as slow. */
const STRANGER_MS = 50;
/** How much a new measurement counts against what was known. */
const SMOOTHING = 0.2;

type Definition = ReturnType<typeof withDefaults<unknown>> & PlatformDefinition;

/** How many messages an instance has in hand at once, and how many jobs it holds for them: by definition, by wish, by latency. */
export class Workers {
  private readonly adaptive: AdaptiveLimit;
  /** Smoothed time the platform takes for one message, and the longest it took of late. */
  private platformMs = 0;
  private longestMs = STRANGER_MS;
  /** Smoothed number of messages in hand. */
  private crowd = 0;

  /** @param messages,jobs whose `concurrency` follows */
  constructor(
    private readonly definition: Definition,
    private readonly messages: { concurrency: number; readonly inFlight: number },
    private readonly jobs: { concurrency: number },
  ) {
    this.adaptive = new AdaptiveLimit(definition.concurrencyBounds.least, this.within(undefined));
    this.apply();
  }

  /** Messages in hand at once just now. */
  get limit(): number {
    return this.adaptive.limit;
  }

  /** What its presence tells of it. */
  get capacity(): Pick<Presence, 'concurrency' | 'maxConcurrency' | 'limit' | 'atMost' | 'pool'> {
    const { concurrency, concurrencyBounds, atMost, pool } = this.definition;
    return { concurrency, maxConcurrency: concurrencyBounds.most, limit: this.limit, ...(atMost && { atMost }), ...(pool && { pool: pool.view() }) };
  }

  /**
   * What is wanted of it changed: messages at once, and processes of its own. What is absent is as the platform is defined. The
   * definition's bounds hold, and latency may allow fewer; a smaller pool has as much less in hand, unless a number is named.
   */
  wish({ concurrency, poolSize }: Pick<DesiredState, 'concurrency' | 'poolSize'> = {}) {
    const { pool } = this.definition;
    pool?.resize(poolSize);
    const share = pool && poolSize !== undefined ? Math.min(1, poolSize / pool.most) : 1;
    const most = this.within(concurrency ?? Math.ceil(this.definition.concurrency * share));
    if (most === this.adaptive.most) return;
    this.adaptive.most = most;
    this.apply();
  }

  /** A message came to its end. Only answers and time-outs tell how fast the platform is; refusals are quick whatever its load. */
  ended(outcome: Outcome, platformMs: number) {
    this.platformMs += (platformMs - this.platformMs) * SMOOTHING;
    this.longestMs = Math.max(platformMs, this.longestMs * FORGETTING);
    this.crowd += (this.messages.inFlight - this.crowd) * SMOOTHING;
    if (outcome.result === 'done' || outcome.class === 'timeout') this.adaptive.sample(platformMs, this.messages.inFlight);
    this.apply();
  }

  private within(concurrency = this.definition.concurrency): number {
    const { least, most } = this.definition.concurrencyBounds;
    return Math.max(least, Math.min(most, concurrency));
  }

  private apply() {
    const { limit } = this.adaptive;
    this.messages.concurrency = limit;
    this.jobs.concurrency = this.longestMs < SLOW_MS && this.crowd < CROWD ? 1 : Math.min(limit, Math.max(FEWEST_SLOTS, Math.ceil(this.platformMs)));
  }
}
