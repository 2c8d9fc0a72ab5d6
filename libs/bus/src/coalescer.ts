/**
 * Gathers what is added in one turn of the event loop and hands it on together. Under low load a group holds one item and
 * nothing is delayed by more than the turn; under high load the cost of a queue job or a publish is shared (docs/adr/0002).
 */
export class Coalescer<T> {
  private waiting: Array<{ item: T; resolve: () => void; reject: (error: unknown) => void }> = [];
  private armed = false;

  /** @param groupSize most items handed on together, asked for at each flush */
  constructor(
    private readonly handOn: (items: T[]) => Promise<unknown>,
    private readonly groupSize: () => number,
  ) {}

  /** Resolves when the item's group was handed on; rejects with the reason when that failed. */
  add(item: T): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ item, resolve, reject });
      if (this.armed) return;
      this.armed = true;
      setImmediate(() => this.flush());
    });
  }

  private flush() {
    this.armed = false;
    const all = this.waiting;
    this.waiting = [];
    const size = Math.max(1, Math.floor(this.groupSize()));
    for (let from = 0; from < all.length; from += size) {
      const group = all.slice(from, from + size);
      this.handOn(group.map(({ item }) => item)).then(
        () => group.forEach(({ resolve }) => resolve()),
        (error: unknown) => group.forEach(({ reject }) => reject(error)),
      );
    }
  }
}
