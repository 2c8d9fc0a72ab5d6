export interface Tick {
  /** When it was due, epoch milliseconds: a whole multiple of the period, in every process the same. */
  due: number;
  /** How late it began. */
  lateMs: number;
}

/**
 * Does something at every whole multiple of a period by the wall clock. The next time is worked out anew each time, so
 * lateness does not add up (an interval drifts by a millisecond or so each time, a cron knows no milliseconds). Work that
 * is not done when the next time comes, or a process that was held up, skips the times it missed.
 */
export class Ticker {
  private timer?: NodeJS.Timeout | undefined;
  private working: Promise<void> = Promise.resolve();
  private stopped = false;

  /** @param work must not reject */
  constructor(
    private readonly periodMs: number,
    private readonly work: (tick: Tick) => Promise<void>,
  ) {}

  start(): void {
    this.waitFor((Math.floor(Date.now() / this.periodMs) + 1) * this.periodMs);
  }

  /** Resolves when the work in hand is done. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.working;
  }

  private waitFor(due: number): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => this.fire(due), due - Date.now());
  }

  private fire(due: number): void {
    const lateMs = Date.now() - due;
    // Timers may come a millisecond early. Much earlier means that the clock was set back: then it is time anyway.
    if (lateMs < 0 && lateMs > -this.periodMs / 2) return this.waitFor(due);
    this.working = this.work({ due, lateMs: Math.max(0, lateMs) }).finally(() => this.start());
  }
}
