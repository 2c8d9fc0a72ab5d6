import { randomUUID } from 'node:crypto';
import type { MetricRow } from '@conductor/contracts';
import type { Identified } from '../identified';

/** A healthy check of the first instance of `stubs`, but for what the test changes. */
export const check = (changes: Partial<MetricRow> = {}): MetricRow => ({
  timestamp: Date.now(),
  platformName: 'stubs',
  instanceId: 'stubs-1',
  state: 'healthy',
  responseTimeMs: 12,
  errorCount: 0,
  requestCount: 5,
  resourceUsageMb: 80.5,
  ...changes,
});

/** Rows with an identity of their own each, as they come from elsewhere; in the order of their ids. */
export const identified = <Row>(rows: readonly Row[]): Array<Identified<Row>> => {
  const first = randomUUID().slice(0, 28);
  return rows.map((row, index) => ({ id: `${first}${String(index).padStart(8, '0')}`, row }));
};
