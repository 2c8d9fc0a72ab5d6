import type { ScalingHistory } from '@conductor/persistence';
import type { Logger } from '@conductor/observability';
import type { Forecaster, Series } from '../forecast';
import { runTraining } from '../trainer/training-run';
import { trainingDataOf } from '../trainer/training-data-of';
import { FINE_MS } from '../window/rollups';

/** The profile of the week needs weeks; what is older than this says little of today. */
const LOOK_BACK_MS = 28 * 86_400_000;

/** Has the models trained when it is due, one run at a time, beside the decisions. */
export class Training {
  private running: Promise<void> | undefined;
  private readonly stopping = new AbortController();

  constructor(
    private readonly forecaster: Forecaster,
    private readonly history: Pick<ScalingHistory, 'since'>,
    private readonly logger: Logger,
    private readonly onRun: (tookMs: number | undefined) => void,
  ) {}

  /** Starts a run if one is due. */
  whenDue(now: number): void {
    const reason = this.forecaster.trainingDue(now);
    if (reason === undefined || this.running || this.stopping.signal.aborted) return;
    this.forecaster.trainingBegan(now);
    this.running = this.run(reason, now).finally(() => (this.running = undefined));
  }

  async close(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(reason: string, now: number): Promise<void> {
    try {
      // Without the database the windows are all there is to learn from.
      const rollups = await this.history.since(FINE_MS, now - LOOK_BACK_MS).catch(() => new Map<string, never[]>());
      const samples = new Map([...rollups].map(([series, points]) => [series as Series, { everyMs: FINE_MS, samples: points.map(({ at, mean }) => ({ at, value: mean })) }]));
      const { learned, tookMs } = await runTraining(trainingDataOf(this.forecaster, samples, now), { signal: this.stopping.signal });
      this.forecaster.learn(learned);
      this.onRun(tookMs);
      this.logger.info({ reason, tookMs: Math.round(tookMs), series: Object.keys(learned.series).length }, 'the models are trained');
    } catch (error) {
      if (this.stopping.signal.aborted) return;
      this.onRun(undefined);
      this.logger.warn({ err: error }, 'training failed');
    }
  }
}
