import type { Config } from '@conductor/config';
import type { Logger } from '@conductor/observability';
import type { Forecaster } from '../forecast';
import { runTraining } from '../trainer/training-run';
import { trainingDataOf } from '../trainer/training-data-of';

/** What a run takes for some seconds, with some to spare. It is memory of ours like any other: it must not be what gets a platform shed. */
const NEEDS_MB = 400;

/** Has the models trained when it is due and there is memory for it, one run at a time, beside the decisions. */
export class Training {
  private running: Promise<void> | undefined;
  private waits = false;
  private readonly stopping = new AbortController();

  constructor(
    private readonly forecaster: Forecaster,
    private readonly database: Pick<Config, 'home' | 'databaseUrl'>,
    private readonly logger: Logger,
    private readonly onRun: (tookMs: number | undefined) => void,
  ) {}

  /**
   * Starts a run if one is due. Without room for it, it waits, and the models keep what they know.
   * @param roomMb memory that may come into use before anything is shed; absent while that cannot be measured
   */
  whenDue(now: number, roomMb: number | undefined): void {
    const reason = this.forecaster.trainingDue(now);
    if (reason === undefined || this.running || this.stopping.signal.aborted) return;
    if (roomMb !== undefined && roomMb < NEEDS_MB) return this.putOff(roomMb);
    this.waits = false;
    this.forecaster.trainingBegan(now);
    this.running = this.run(reason, now).finally(() => (this.running = undefined));
  }

  async close(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private putOff(roomMb: number): void {
    if (!this.waits) this.logger.info({ roomMb: Math.round(roomMb), needsMb: NEEDS_MB }, 'training waits until there is memory for it');
    this.waits = true;
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
