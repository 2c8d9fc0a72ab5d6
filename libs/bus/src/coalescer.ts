/**
 * Gathers what arrives while the group before it is on its way, and hands it on together: like Nagle's algorithm, nothing waits
 * while the way is free, and under load the cost of a queue job or a publish is shared (docs/adr/0002).
 */
export class Coalescer<T, R = void> {
  private waiting: Array<{ item: T; resolve: (result: R) => void; reject: (error: unknown) => void }> = [];
  private onTheirWay = 0;
  private armed = false;

  /**
   * @param handOn what it resolves with, where it is a list, are the items' own results in their order
   * @param groupSize most items handed on together, asked for each time
   */
  constructor(
    private readonly handOn: (items: T[]) => Promise<R[] | unknown>,
    private readonly groupSize: () => number,
  ) {}

  /** Resolves when the item's group was handed on, with the item's own result; rejects with the reason when that failed. */
  add(item: T): Promise<R> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ item, resolve, reject });
      this.arm();
    });
  }

  /** At the end of the turn, so that what is added in one turn travels together. */
  private arm() {
    if (this.armed || this.onTheirWay > 0) return;
    this.armed = true;
    setImmediate(() => this.flush());
  }

  private flush() {
    this.armed = false;
    const all = this.waiting;
    this.waiting = [];
    const size = Math.max(1, Math.floor(this.groupSize()));
    for (let from = 0; from < all.length; from += size) {
      const group = all.slice(from, from + size);
      this.onTheirWay++;
      this.handOn(group.map(({ item }) => item))
        .then(
          (results) => group.forEach(({ resolve }, index) => resolve((Array.isArray(results) ? results[index] : undefined) as R)),
          (error: unknown) => group.forEach(({ reject }) => reject(error)),
        )
        .finally(() => {
          this.onTheirWay--;
          if (this.waiting.length > 0) this.arm();
        });
    }
  }
}
