import type { Delivery, Outcome } from '@conductor/contracts';
import type { AppContext } from '@conductor/http';
import type { PlatformMetrics } from './platform-plugin';

/** Rate, errors and duration of every platform in this process. */
export const platformMetrics = ({ metrics }: AppContext) => {
  const duration = metrics.histogram('platform_request_duration_seconds', 'Time a platform took for one message', ['platform', 'result']);
  const counters = metrics.counter('platform_events_total', 'What platforms count themselves', ['platform', 'name']);
  const values = metrics.gauge('platform_value', 'What platforms measure themselves', ['platform', 'name']);
  return {
    outcome: (delivery: Delivery, outcome: Outcome, platformMs: number) =>
      duration.observe({ platform: delivery.platform, result: outcome.result }, platformMs / 1_000),
    of: (platform: string): PlatformMetrics => ({
      count: (name, by = 1) => counters.inc({ platform, name }, by),
      observe: (name, value) => values.set({ platform, name }, value),
    }),
  };
};
