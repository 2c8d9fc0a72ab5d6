/** So many questions without an answer make a silence. */
const QUESTIONS = 10;
/** While a program loads, nothing else turns in it, and on a busy machine that takes long. */
const STARTING_TAKES_SILENCES = 10;

export interface Watched {
  /** Asks whether it still turns. Its answer comes as `answered`, or not at all. */
  ask(): void;
  isStarting(): boolean;
  /** It did not answer any more. Called once. */
  hangs(): void;
}

/**
 * Finds out that a process lives and does nothing any more: an endless loop, native code that never returns. It counts questions that
 * stayed without an answer, not time: when the machine slept, or the launcher itself stood still, much time passed in which nothing was asked.
 */
export class Watchdog {
  private readonly timer: NodeJS.Timeout | undefined;
  private unanswered = 0;

  /** @param silenceMs how long it may be silent; 0: for ever */
  constructor(
    private readonly watched: Watched,
    silenceMs: number,
  ) {
    if (silenceMs > 0) this.timer = setInterval(() => this.look(), silenceMs / QUESTIONS).unref();
  }

  answered(): void {
    this.unanswered = 0;
  }

  end(): void {
    clearInterval(this.timer);
  }

  private look(): void {
    if (this.unanswered >= QUESTIONS * (this.watched.isStarting() ? STARTING_TAKES_SILENCES : 1)) {
      this.end();
      return this.watched.hangs();
    }
    this.unanswered++;
    this.watched.ask();
  }
}
