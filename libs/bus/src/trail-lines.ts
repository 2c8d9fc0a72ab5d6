import type { TrailStep } from '@conductor/contracts';

/** Steps as a hash keeps them: fields `t:<time>`, of lines each. */
export const trailOf = (fields: Record<string, string>): TrailStep[] =>
  Object.entries(fields)
    .filter(([name]) => name.startsWith('t:'))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, lines]) => stepsOf(lines));

/** Steps as they are kept: each a line of JSON. */
export const linesOf = (steps: TrailStep[]): string => steps.map((step) => JSON.stringify(step)).join('\n');

export const stepsOf = (lines: string): TrailStep[] =>
  lines
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as TrailStep);
