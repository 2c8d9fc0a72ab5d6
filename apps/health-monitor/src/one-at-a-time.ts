/**
 * Runs something for everyone who asks, never twice at once. Who asks while it runs gets a run that began after he asked,
 * and shares it with all who asked meanwhile.
 */
export class OneAtATime {
  private running?: Promise<void> | undefined;
  private next?: Promise<void> | undefined;

  constructor(private readonly work: () => Promise<void>) {}

  run(): Promise<void> {
    if (!this.running) return this.begin();
    this.next ??= this.running
      .catch(() => undefined) // whoever asked for that run hears of it
      .then(() => this.begin());
    return this.next;
  }

  private begin(): Promise<void> {
    this.next = undefined;
    const run = this.work().finally(() => {
      if (this.running === run) this.running = undefined;
    });
    this.running = run;
    return run;
  }
}
