import { ROLLUP_MS, type ScalingRollupRow } from '@conductor/contracts';

interface Sum {
  samples: number;
  sum: number;
  max: number;
}

/** Sums figures up over whole stretches of the clock, and hands each stretch over when it has ended. */
export class Rollups {
  private readonly open = new Map<string, { at: number; series: Map<string, Sum> }>();

  /** @param writer tells this scaler from others that may see a part of the same stretch */
  constructor(
    private readonly writer: string,
    private readonly write: (row: ScalingRollupRow) => void,
    private readonly lengths: readonly number[] = [ROLLUP_MS.fine, ROLLUP_MS.coarse],
  ) {}

  add(series: string, at: number, value: number): void {
    if (!Number.isFinite(value)) return;
    for (const bucketMs of this.lengths) {
      const sums = this.stretch(bucketMs, Math.floor(at / bucketMs) * bucketMs).series;
      const known = sums.get(series);
      sums.set(series, known ? { samples: known.samples + 1, sum: known.sum + value, max: Math.max(known.max, value) } : { samples: 1, sum: value, max: value });
    }
  }

  /** Writes what there is, also of stretches that have not ended; for the drain. */
  flush(): void {
    for (const bucketMs of this.lengths) this.end(bucketMs);
  }

  private stretch(bucketMs: number, at: number): { at: number; series: Map<string, Sum> } {
    const open = this.open.get(String(bucketMs));
    if (open?.at === at) return open;
    this.end(bucketMs);
    const next = { at, series: new Map<string, Sum>() };
    this.open.set(String(bucketMs), next);
    return next;
  }

  private end(bucketMs: number): void {
    const ended = this.open.get(String(bucketMs));
    this.open.delete(String(bucketMs));
    if (!ended) return;
    for (const [series, { samples, sum, max }] of ended.series) this.write({ bucketMs, series, at: ended.at, writer: this.writer, samples, mean: sum / samples, max });
  }
}
