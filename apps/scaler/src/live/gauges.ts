import { ScalingDecisionKind, type ScalingDecision } from '@conductor/contracts';
import type { Metrics } from '@conductor/observability';
import type { Sample } from '../sample/sampler';

/** What Prometheus sees of the scaler. */
export class Gauges {
  private readonly decisions;
  private readonly turn;
  private readonly training;
  private latest: Sample | undefined;

  constructor(metrics: Metrics, acting: () => boolean, champions: () => ReadonlyArray<{ series: string; horizonMs: number; model: string; records: ReadonlyArray<{ model: string; error: number; under: number }> }>) {
    this.decisions = metrics.counter('scaler_decisions_total', 'Decisions of this scaler', ['kind', 'trigger']);
    for (const kind of ScalingDecisionKind.options) this.decisions.inc({ kind, trigger: 'none' }, 0);
    this.turn = metrics.histogram('scaler_turn_seconds', 'Time one look took to be judged: forecasts and decisions', [], [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5]);
    this.training = metrics.counter('scaler_training_runs_total', 'Training runs', ['result']);
    metrics.gauge('scaler_acting', 'Whether this scaler decides (1) or stands by (0)', [], (gauge) => gauge.set(acting() ? 1 : 0));
    metrics.gauge('scaler_memory_used_megabytes', 'Memory in use, as measured against the wall', ['wall'], (gauge) => {
      gauge.reset();
      if (this.latest?.seen.memory) gauge.set({ wall: this.latest.seen.memory.wall }, this.latest.seen.memory.usedMb);
    });
    metrics.gauge('scaler_memory_budget_megabytes', 'Where the wall is', ['wall'], (gauge) => {
      gauge.reset();
      if (this.latest?.seen.memory) gauge.set({ wall: this.latest.seen.memory.wall }, this.latest.seen.memory.budgetMb);
    });
    metrics.gauge('scaler_unit_memory_megabytes', 'Resident memory of the processes that run a platform, or several', ['unit'], (gauge) => {
      gauge.reset();
      for (const { name, rssMb } of this.latest?.seen.units ?? []) if (rssMb !== undefined) gauge.set({ unit: name }, rssMb);
    });
    metrics.gauge('scaler_platform_requests_per_second', 'Messages a platform settles', ['platform'], (gauge) => {
      gauge.reset();
      for (const { name, requestsPerSecond } of this.latest?.seen.platforms ?? []) if (requestsPerSecond !== undefined) gauge.set({ platform: name }, requestsPerSecond);
    });
    metrics.gauge('scaler_platform_shed', 'Whether the scaler has shed a platform (1)', ['platform'], (gauge) => {
      gauge.reset();
      for (const { name, wanted } of this.latest?.seen.platforms ?? []) gauge.set({ platform: name }, wanted === 'suspended' ? 1 : 0);
    });
    const ofModels = (name: string, help: string, value: (record: { error: number; under: number }) => number) =>
      metrics.gauge(name, help, ['series', 'look_ahead_seconds', 'model', 'champion'], (gauge) => {
        gauge.reset();
        for (const { series, horizonMs, model, records } of champions().filter(({ series: of }) => of === 'memory:total')) {
          for (const record of records) if (Number.isFinite(value(record))) gauge.set({ series, look_ahead_seconds: horizonMs / 1_000, model: record.model, champion: String(record.model === model) }, value(record));
        }
      });
    ofModels('scaler_forecast_error', 'Rolling error of each model for memory in total', ({ error }) => error);
    ofModels('scaler_forecast_under', 'Rolling share of periods that each model would have under-provisioned', ({ under }) => under);
  }

  sampled(sample: Sample): void {
    this.latest = sample;
  }

  decided({ kind, trigger }: ScalingDecision): void {
    this.decisions.inc({ kind, trigger });
  }

  turned(tookMs: number): void {
    this.turn.observe(tookMs / 1_000);
  }

  trained(tookMs: number | undefined): void {
    this.training.inc({ result: tookMs === undefined ? 'failed' : 'done' });
  }
}
