import type { Config } from '@conductor/config';
import type { TrainingState } from '@conductor/contracts';
import type { Logger } from '@conductor/observability';
import type { Forecaster } from '../forecast';
import { trainingDataOf } from '../trainer/training-data-of';
import type { TrainingPackages } from '../trainer/training-packages';
import { runTraining } from '../trainer/training-run';

/** What a run takes for some seconds, with some to spare. It is memory of ours like any other: it must not be what gets a platform shed. */
const NEEDS_MB = 400;

interface Parts {
  readonly forecaster: Forecaster;
  readonly database: Pick<Config, 'home' | 'databaseUrl'>;
  readonly packages: Pick<TrainingPackages, 'waitingFor'>;
  readonly logger: Logger;
  readonly onRun: (tookMs: number | undefined) => void;
}

/** Has the models trained when it is due and there are memory and packages for it, one run at a time, beside the decisions. */
export class Training {
  private running: Promise<void> | undefined;
  private readonly stopping = new AbortController();
  private current: TrainingState = { state: 'due', reason: 'nothing has been observed yet', at: Date.now() };

  constructor(private readonly parts: Parts) {}

  /** How it stands, for whoever asks. */
  get state(): TrainingState {
    return this.current;
  }

  /**
   * Starts a run if one is due. Without room or packages for it, it waits, and the models keep what they know.
   * @param roomMb memory that may come into use before anything is shed; absent while that cannot be measured
   */
  whenDue(now: number, roomMb: number | undefined): void {
    const { forecaster, packages } = this.parts;
    const due = forecaster.trainingDue(now);
    if (due === undefined || this.running || this.stopping.signal.aborted) return;
    if (roomMb !== undefined && roomMb < NEEDS_MB) return this.putOff({ roomMb: Math.round(roomMb), needsMb: NEEDS_MB }, `a run needs ${NEEDS_MB} MB, and ${Math.max(0, Math.round(roomMb))} MB may come into use`, 'training waits until there is memory for it');
    const missing = packages.waitingFor();
    if (missing !== undefined) return this.become('waiting', missing);
    this.become('running', `a run is under way (${due})`);
    forecaster.trainingBegan(now);
    this.running = this.run(due, now).finally(() => (this.running = undefined));
  }

  async close(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private putOff(fields: object, reason: string, message: string): void {
    if (this.current.state !== 'waiting') this.parts.logger.info(fields, message);
    this.become('waiting', reason);
  }

  private become(state: TrainingState['state'], reason: string): void {
    this.current = { state, reason, at: state === this.current.state ? this.current.at : Date.now() };
  }

  private async run(due: string, now: number): Promise<void> {
    const { forecaster, database, logger, onRun } = this.parts;
    try {
      const { home, databaseUrl } = database;
      const data = { ...trainingDataOf(forecaster, new Map(), now), database: { home, databaseUrl } };
      const { learned, tookMs } = await runTraining(data, { signal: this.stopping.signal });
      forecaster.learn(learned);
      onRun(tookMs);
      this.become('trained', `trained in ${Math.round(tookMs)} ms`);
      logger.info({ reason: due, tookMs: Math.round(tookMs), series: Object.keys(learned.series).length }, 'the models are trained');
    } catch (error) {
      if (this.stopping.signal.aborted) return;
      onRun(undefined);
      this.become('failed', error instanceof Error ? error.message : String(error));
      logger.warn({ err: error }, 'training failed');
    }
  }
}
