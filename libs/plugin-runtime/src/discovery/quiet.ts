/**
 * Calls once it has been quiet for a while after a change, and in any case when changes have gone on for `longestMs`: a plugin that
 * writes into its own folder all the time must not keep others from being noticed.
 */
export class Quiet {
  private timer?: NodeJS.Timeout;
  private since = 0;
  private closed = false;

  constructor(
    private readonly quietMs: number,
    private readonly longestMs: number,
    private readonly call: () => void,
  ) {}

  stir() {
    if (this.closed) return;
    const now = Date.now();
    if (this.timer === undefined) this.since = now;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.call();
    }, Math.max(0, Math.min(this.quietMs, this.since + this.longestMs - now)));
    this.timer.unref();
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
  }
}
