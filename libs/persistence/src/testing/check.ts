import type { MetricRow } from '../metrics-writer';

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
