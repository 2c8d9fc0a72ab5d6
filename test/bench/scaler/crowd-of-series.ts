import type { Series, Target } from '../../../apps/scaler/src/forecast';

const DAY = 86_400_000;

/** As many series as fifty platforms have: a daily cycle and noise on it, different for each. */
export const PLATFORMS = 50;
export const SERIES: readonly Series[] = (['memory', 'rate', 'queue-age'] satisfies Target[]).flatMap((target) => Array.from({ length: PLATFORMS }, (_, index): Series => `${target}:platform-${index}`));

export const valueAt = (series: number, at: number): number => {
  const noise = Math.sin(at * 0.00731 + series * 7.3) + Math.sin(at * 0.00191 + series);
  return Math.max(0, 20 + series + 15 * Math.sin((2 * Math.PI * at) / DAY + series) + 3 * noise);
};
