/** Lets at most `size` pieces of work run at once; the others wait their turn. */
export class BoundedPool {
  private running = 0;
  private readonly queue: Array<() => void> = [];

  constructor(readonly size: number) {}

  get inFlight(): number {
    return this.running;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.running >= this.size) await new Promise<void>((resolve) => this.queue.push(resolve));
    else this.running++;
    try {
      return await work();
    } finally {
      // The place is handed on rather than freed, so that nobody slips in between.
      const next = this.queue.shift();
      if (next) next();
      else this.running--;
    }
  }
}
