/** What is forecast, in the unit of its values: `memory` in MB, `rate` in requests a second, `queue-age` in seconds. */
export const TARGETS = ['memory', 'rate', 'queue-age'] as const;
export type Target = (typeof TARGETS)[number];

/** One series: `memory:voice`, `memory:total`, `rate:discord`, `queue-age:brain`. Its values are never negative. */
export type Series = `${Target}:${string}`;

export const seriesOf = (target: Target, of: string): Series => `${target}:${of}`;

/** One observation: `at` in epoch milliseconds. */
export interface Sample {
  readonly at: number;
  readonly value: number;
}
