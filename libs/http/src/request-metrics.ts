import type { Metrics } from '@conductor/observability';
import type { Histogram } from 'prom-client';

/** Rate, errors and duration of each route, as one histogram. */
export class RequestMetrics {
  private readonly duration: Histogram<'method' | 'route' | 'status'>;

  constructor(metrics: Metrics) {
    this.duration = metrics.histogram('http_request_duration_seconds', 'Time from the arrival of a request to the end of its answer', ['method', 'route', 'status']);
  }

  observe(method: string, route: string, status: number, milliseconds: number): void {
    this.duration.observe({ method, route, status }, milliseconds / 1_000);
  }
}
