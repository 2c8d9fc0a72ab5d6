/** Movements up to this are the garbage collector's. */
const STILL_MB = 2;

const readRss = () => Math.round(process.memoryUsage.rss() / 1_048_576);

/** The resident memory of this process, and since when it has been still: a figure that moves is not yet what was freed. */
export class ResidentMemory {
  private restingMb = -Infinity;
  private since = 0;

  constructor(private readonly read: () => number = readRss) {}

  /** Looks now. `settledAt` in epoch ms. */
  look(now = Date.now()): { rssMb: number; settledAt: number } {
    const rssMb = this.read();
    if (Math.abs(rssMb - this.restingMb) > STILL_MB) {
      this.restingMb = rssMb;
      this.since = now;
    }
    return { rssMb, settledAt: this.since };
  }
}
