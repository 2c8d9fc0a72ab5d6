import type { Delivery, Outcome } from '@conductor/contracts';
import type { QueueCounts } from '@conductor/bus';
import type { AppContext } from '@conductor/http';
import type { PlatformMetrics } from './platform-plugin';

/** Rate, errors and duration of every platform in this process. */
export const platformMetrics = ({ metrics }: AppContext) => {
  const duration = metrics.histogram('platform_request_duration_seconds', 'Time a platform took for one message', ['platform', 'result']);
  const counters = metrics.counter('platform_events_total', 'What platforms count themselves', ['platform', 'name']);
  const values = metrics.gauge('platform_value', 'What platforms measure themselves', ['platform', 'name']);
  return {
    /** Depth and age of the platforms' queues, asked at each scrape. */
    queues: (queues: ReadonlyMap<string, { counts(): Promise<QueueCounts> }>) => {
      const asked = async () => Promise.all([...queues].map(async ([platform, queue]) => ({ platform, counts: await queue.counts() })));
      metrics.gauge('platform_queue_jobs', 'Jobs in the queue of a platform', ['platform', 'state'], async (gauge) => {
        for (const { platform, counts } of await asked().catch(() => [])) {
          for (const state of ['waiting', 'active', 'delayed'] as const) gauge.set({ platform, state }, counts[state]);
        }
      });
      metrics.gauge('platform_queue_oldest_age_seconds', 'Age of the job that waits longest', ['platform'], async (gauge) => {
        for (const { platform, counts } of await asked().catch(() => [])) gauge.set({ platform }, counts.oldestAgeMs / 1_000);
      });
    },
    /** What each instance lets in at once, asked at each scrape. */
    limits: (instances: readonly { name: string; state: { limit: number; inFlight: number } }[]) => {
      metrics.gauge('platform_concurrency_limit', 'Messages a platform may have in hand at once: as wished, less what its latency forbids', ['platform'], (gauge) => {
        gauge.reset(); // platforms come and go
        for (const { name, state } of instances) gauge.set({ platform: name }, state.limit);
      });
      metrics.gauge('platform_in_flight', 'Messages a platform has in hand', ['platform'], (gauge) => {
        gauge.reset(); // platforms come and go
        for (const { name, state } of instances) gauge.set({ platform: name }, state.inFlight);
      });
    },
    outcome: (delivery: Delivery, outcome: Outcome, platformMs: number) =>
      duration.observe({ platform: delivery.platform, result: outcome.result }, platformMs / 1_000),
    of: (platform: string): PlatformMetrics => ({
      count: (name, by = 1) => counters.inc({ platform, name }, by),
      observe: (name, value) => values.set({ platform, name }, value),
    }),
  };
};
