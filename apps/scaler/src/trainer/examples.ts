import { type Look, lookAt } from '../forecast/look';
import type { Columns } from './training-data';

/** One moment of the past: what a model would have seen, and what came at each look-ahead; NaN where nobody knows. */
export interface Example {
  readonly look: Look;
  readonly truths: readonly number[];
}

interface ExampleOptions {
  readonly horizonsMs: readonly number[];
  readonly windowMs: number;
  /** Spacing of the samples: a truth may be off by half of it. */
  readonly everyMs: number;
  /** At most so many, evenly over the time. */
  readonly most: number;
}

/** A window that holds less than a third of its time has too little to learn from. */
const LEAST_OF_WINDOW = 1 / 3;

export const examplesOf = ({ at, value }: Columns, { horizonsMs, windowMs, everyMs, most }: ExampleOptions): Example[] => {
  const [times, values] = [Float64Array.from(at), Float64Array.from(value)];
  const first = times.findIndex((time) => time - times[0]! >= windowMs * LEAST_OF_WINDOW);
  const end = times.length;
  if (first < 0) return [];
  const stride = Math.max(1, Math.ceil((end - first) / most));
  const examples: Example[] = [];
  const nextOf = horizonsMs.map(() => 0);
  let from = 0;
  // So that the latest moments are among them.
  for (let index = first + ((end - 1 - first) % stride); index < end; index += stride) {
    const now = times[index]!;
    while (times[from]! < now - windowMs) from++;
    const truths = horizonsMs.map((horizonMs, horizon) => {
      const wanted = now + horizonMs;
      let next = Math.max(nextOf[horizon]!, index);
      while (next < end && times[next]! < wanted - everyMs / 2) next++;
      nextOf[horizon] = next;
      return next < end && times[next]! <= wanted + everyMs ? values[next]! : NaN;
    });
    if (truths.some((truth) => !Number.isNaN(truth))) examples.push({ look: lookAt(times, values, from, index + 1, windowMs), truths });
  }
  return examples;
};
