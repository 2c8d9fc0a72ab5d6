import { LifecycleState } from '@conductor/contracts';
import type { Metrics } from '@conductor/observability';
import type { TickFigures } from './health-monitor';
import type { Verdicts } from './verdicts';

/** What Prometheus sees of the watch. Only the acting monitor shows platforms, so that each is counted once. */
export class Gauges {
  private readonly busy;
  private readonly duration;
  private readonly lateness;
  private readonly checks;

  constructor(private readonly metrics: Metrics) {
    const ticks = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.2, 0.5, 1, 5];
    this.busy = metrics.histogram('health_tick_event_loop_seconds', 'Time a round of checks kept this process busy', [], ticks);
    this.duration = metrics.histogram('health_tick_duration_seconds', 'Time from the beginning of a round of checks to its last verdict', [], ticks);
    this.lateness = metrics.histogram('health_tick_lateness_seconds', 'How late a round of checks began', [], ticks);
    this.checks = metrics.counter('health_checks_total', 'Checks of instances', ['answered']);
  }

  tick({ eventLoopMs, durationMs, lateMs, answered, unanswered }: TickFigures): void {
    this.busy.observe(eventLoopMs / 1_000);
    this.duration.observe(durationMs / 1_000);
    this.lateness.observe(lateMs / 1_000);
    this.checks.inc({ answered: 'yes' }, answered);
    this.checks.inc({ answered: 'no' }, unanswered);
  }

  /** Instances come and go, so these are made anew at every scrape. */
  show(monitor: { readonly isActing: boolean }, verdicts: Verdicts): void {
    const states = () => (monitor.isActing ? verdicts.all() : []);
    const instances = () => states().flatMap(({ name, instances }) => instances.map((instance) => ({ ...instance, labels: { platform: name, instance: instance.id } })));

    this.metrics.gauge('health_monitor_acting', 'Whether this monitor acts (1) or stands by (0)', [], (gauge) => gauge.set(monitor.isActing ? 1 : 0));
    this.metrics.gauge('platform_state', 'The state a platform is in (1), and all others (0)', ['platform', 'state'], (gauge) => {
      gauge.reset();
      for (const { name, state } of states()) for (const each of LifecycleState.options) gauge.set({ platform: name, state: each }, each === state ? 1 : 0);
    });
    this.metrics.gauge('platform_check_response_seconds', 'Time of the latest answer to a check', ['platform', 'instance'], (gauge) => {
      gauge.reset();
      for (const { labels, responseTimeMs } of instances()) gauge.set(labels, responseTimeMs / 1_000);
    });
    this.metrics.gauge('platform_consecutive_failures', 'Failed checks in a row', ['platform', 'instance'], (gauge) => {
      gauge.reset();
      for (const { labels, consecutiveFailures } of instances()) gauge.set(labels, consecutiveFailures);
    });
  }
}
