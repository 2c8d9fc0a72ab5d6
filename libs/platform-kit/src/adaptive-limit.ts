/** Samples that one look at the latency rests on: single ones say more about the garbage collector than about the platform. */
const WINDOW = 10;
const START = 20;
const SMOOTHING = 0.2;
const LEAST_GRADIENT = 0.5;
/** Latency may grow to this multiple of its long-term average before the limit shrinks. */
const TOLERANCE = 1.5;
/** Messages that may queue inside the platform: what the limit grows by while latency is as usual. */
const QUEUE = 4;
/** Windows in which the long-term average learns that latency is lower, or higher: it is to be the latency without our own crowd. */
const LEARN_LOWER = 30;
const LEARN_HIGHER = 600;
/** The first windows are averaged plainly. */
const WARM_UP = 10;
/**
 * While it is made use of, the limit is halved now and then for two windows: one for the crowd to pass, one to see what latency is
 * without it. Otherwise the average would slowly take our own crowd for the platform's way.
 */
const PROBE_EVERY = 200;
const PROBE_WINDOWS = 2;
/** Shorter latencies are the event loop's, not the platform's. */
const LEAST_MS = 1;

/**
 * How many messages a platform may have in hand at once, learned from its latency (Netflix' Gradient2): when answers take longer
 * than they used to, more at once would only wait inside the platform, so fewer are sent; while they take as long as ever, and the
 * limit is made use of, more are. Latency is held against what it is without a crowd of our own.
 *
 * A few numbers are touched for each message, and the limit moves once in ten.
 */
export class AdaptiveLimit {
  private estimate: number;
  private longMs = 0;
  private windows = 0;
  private untilProbe = PROBE_EVERY;
  private probing = 0;
  private sumMs = 0;
  private samples = 0;
  private mostInFlight = 0;

  /** @param least,most bounds; equal ones switch it off */
  constructor(
    readonly least: number,
    private greatest: number,
  ) {
    this.estimate = Math.min(START, greatest);
  }

  /** Whole messages, at least `least`. */
  get limit(): number {
    return Math.max(this.least, Math.floor(this.probing > 0 ? this.estimate / 2 : this.estimate));
  }

  get most(): number {
    return this.greatest;
  }

  /** Another upper bound. More room is given at once, since whoever gives it knows why; latency has its say afterwards. */
  set most(greatest: number) {
    const bounded = Math.max(this.least, greatest);
    if (bounded > this.greatest) this.estimate = Math.max(this.estimate, Math.min(bounded, Math.max(START, this.greatest * 2)));
    this.greatest = bounded;
    this.estimate = Math.min(this.estimate, bounded);
  }

  /**
   * One message is done.
   * @param ms time the platform took for it
   * @param inFlight messages in hand while it was carried out, itself included
   * @returns whether the limit may have moved
   */
  sample(ms: number, inFlight: number): boolean {
    if (inFlight > this.mostInFlight) this.mostInFlight = inFlight;
    this.sumMs += ms > LEAST_MS ? ms : LEAST_MS;
    if (++this.samples < WINDOW) return false;
    this.look(this.sumMs / this.samples, this.mostInFlight);
    this.sumMs = this.samples = this.mostInFlight = 0;
    return true;
  }

  private look(shortMs: number, inFlight: number) {
    if (this.probing > 0) {
      if (--this.probing === 0) this.longMs = Math.min(this.longMs, shortMs);
      return;
    }
    const memory = ++this.windows <= WARM_UP ? this.windows : shortMs < this.longMs ? LEARN_LOWER : LEARN_HIGHER;
    this.longMs += (shortMs - this.longMs) / memory;
    // A limit that nobody comes near says nothing, and one that grows unused would be no limit when it is needed.
    if (inFlight < this.estimate / 2) return;
    const gradient = Math.max(LEAST_GRADIENT, Math.min(1, (TOLERANCE * this.longMs) / shortMs));
    const next = this.estimate * gradient + QUEUE;
    this.estimate = Math.min(this.greatest, Math.max(this.least, this.estimate + (next - this.estimate) * SMOOTHING));
    if (--this.untilProbe > 0 || this.estimate <= 2 * QUEUE) return;
    this.untilProbe = PROBE_EVERY;
    this.probing = PROBE_WINDOWS;
  }
}
