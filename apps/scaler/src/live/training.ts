import type { Config } from '@conductor/config';
import type { Logger } from '@conductor/observability';
import type { Forecaster } from '../forecast';
import { runTraining } from '../trainer/training-run';
import { trainingDataOf } from '../trainer/training-data-of';

/** Has the models trained when it is due, one run at a time, beside the decisions. */
export class Training {
  private running: Promise<void> | undefined;
  private readonly stopping = new AbortController();

  constructor(
    private readonly forecaster: Forecaster,
    private readonly database: Pick<Config, 'home' | 'databaseUrl'>,
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
      const { home, databaseUrl } = this.database;
      const data = { ...trainingDataOf(this.forecaster, new Map(), now), database: { home, databaseUrl } };
      const { learned, tookMs } = await runTraining(data, { signal: this.stopping.signal });
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
