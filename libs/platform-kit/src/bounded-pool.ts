/** Lets at most `size` pieces of work run at once; the others wait their turn. */
export class BoundedPool {
  private running = 0;
  private readonly queue: Array<() => void> = [];

  constructor(private places: number) {}

  get inFlight(): number {
    return this.running;
  }

  get size(): number {
    return this.places;
  }

  /** With more places, some that wait begin at once; with fewer, what runs is finished and its place goes. */
  set size(places: number) {
    this.places = places;
    while (this.running < this.places && this.queue.length > 0) {
      this.running++;
      this.queue.shift()!();
    }
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.running >= this.places) await new Promise<void>((resolve) => this.queue.push(resolve));
    else this.running++;
    try {
      return await work();
    } finally {
      // The place is handed on rather than freed, so that nobody slips in between.
      const next = this.running <= this.places ? this.queue.shift() : undefined;
      if (next) next();
      else this.running--;
    }
  }
}
