import { MAX_GROUP_BYTES } from './json-bytes';

/** Bytes that may be on their way at once; what comes on top waits here, so that a flood holds up its own sender and not Redis. */
const MAX_BYTES_ON_THE_WAY = 4 * MAX_GROUP_BYTES;

interface Waiting<T, R> {
  item: T;
  bytes: number;
  resolve: (result: R) => void;
  reject: (error: unknown) => void;
}

/**
 * Gathers what arrives while the group before it is on its way, and hands it on together: like Nagle's algorithm, nothing waits
 * while the way is free, and under load the cost of a queue job or a publish is shared (docs/adr/0002). A group is bounded in items and
 * in bytes (256 KiB); an item that is larger by itself travels alone.
 */
export class Coalescer<T, R = void> {
  private waiting: Array<Waiting<T, R>> = [];
  private onTheirWay = 0;
  private bytesOnTheirWay = 0;
  private isFull = false;
  private armed = false;

  /**
   * @param handOn what it resolves with, where it is a list, are the items' own results in their order
   * @param groupSize most items handed on together, asked for each time
   * @param sizeOf bytes of an item, about; asked once for each
   */
  constructor(
    private readonly handOn: (items: T[]) => Promise<R[] | unknown>,
    private readonly groupSize: () => number,
    private readonly sizeOf: (item: T) => number,
  ) {}

  /** Resolves when the item's group was handed on, with the item's own result; rejects with the reason when that failed. */
  add(item: T): Promise<R> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ item, bytes: this.sizeOf(item), resolve, reject });
      if (this.onTheirWay === 0) this.arm();
    });
  }

  /** At the end of the turn, so that what is added in one turn travels together. */
  private arm() {
    if (this.armed) return;
    this.armed = true;
    setImmediate(() => this.flush());
  }

  private flush() {
    this.armed = false;
    const all = this.waiting;
    this.waiting = [];
    const size = Math.max(1, Math.floor(this.groupSize()));
    let from = 0;
    while (from < all.length && this.bytesOnTheirWay < MAX_BYTES_ON_THE_WAY) {
      let to = from + 1;
      let bytes = all[from]!.bytes;
      while (to < all.length && to - from < size && bytes + all[to]!.bytes <= MAX_GROUP_BYTES) bytes += all[to++]!.bytes;
      this.send(all.slice(from, to), bytes);
      from = to;
    }
    this.isFull = from < all.length;
    if (this.isFull) this.waiting = [...all.slice(from), ...this.waiting];
  }

  private send(group: Array<Waiting<T, R>>, bytes: number) {
    this.onTheirWay++;
    this.bytesOnTheirWay += bytes;
    this.handOn(group.map(({ item }) => item))
      .then(
        (results) => group.forEach(({ resolve }, index) => resolve((Array.isArray(results) ? results[index] : undefined) as R)),
        (error: unknown) => group.forEach(({ reject }) => reject(error)),
      )
      .finally(() => {
        this.onTheirWay--;
        this.bytesOnTheirWay -= bytes;
        if (this.waiting.length > 0 && (this.onTheirWay === 0 || this.isFull)) this.arm();
      });
  }
}
