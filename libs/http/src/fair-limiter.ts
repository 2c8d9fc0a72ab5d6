/**
 * Runs at most `concurrency` pieces of work at once. Those that wait take turns by name, so whoever sends much under one name delays
 * nobody but himself.
 */
export class FairLimiter {
  private running = 0;
  /** In the order of their turns. */
  private readonly waiting = new Map<string, Array<() => void>>();

  constructor(private readonly concurrency: number) {}

  async run<T>(name: string, work: () => Promise<T>): Promise<T> {
    if (this.running >= this.concurrency) await this.turnOf(name);
    else this.running++;
    try {
      return await work();
    } finally {
      this.next();
    }
  }

  private turnOf(name: string): Promise<void> {
    return new Promise((resolve) => {
      const line = this.waiting.get(name);
      if (line) line.push(resolve);
      else this.waiting.set(name, [resolve]);
    });
  }

  /** Hands the place on to the name whose turn it is. */
  private next(): void {
    const first = this.waiting.entries().next();
    if (first.done) return void this.running--;
    const [name, line] = first.value;
    this.waiting.delete(name);
    const begin = line.shift()!;
    if (line.length > 0) this.waiting.set(name, line);
    begin();
  }
}
