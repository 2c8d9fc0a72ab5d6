import { setTimeout as wait } from 'node:timers/promises';
import { FencedOff, type ScalingBoard } from '@conductor/control';
import type { ScalingPolicyView, TrainingState } from '@conductor/contracts';
import type { AppContext } from '@conductor/http';
import { EMPTY_STATE, prioritiesOf, type ScalerState } from '../decide';
import type { Foreseer } from '../foresee/foreseer';
import type { Forecaster } from '../forecast';
import type { Sample, Sampler } from '../sample/sampler';
import type { Rollups } from '../window/rollups';
import type { Window } from '../window/window';
import type { DecisionMaker } from './decision-maker';
import type { EvidenceOfModels } from './evidence-of-models';
import type { Leadership } from './leadership';
import { seriesIn } from './series-in';
import { viewOf } from './view-of';

export interface ScalerParts {
  readonly context: AppContext;
  /** Period of the looks and decisions. */
  readonly intervalMs: number;
  readonly sampler: Sampler;
  readonly board: ScalingBoard;
  readonly leadership: Leadership;
  readonly maker: DecisionMaker;
  readonly forecaster: Forecaster;
  readonly evidence: EvidenceOfModels;
  readonly foreseer: Foreseer;
  readonly window: Window;
  readonly rollups: Rollups;
  readonly trainingState: () => TrainingState;
  readonly onSample: (sample: Sample) => void;
  /** Called in each period while this scaler decides, with the memory that may come into use before anything is shed. */
  readonly onPeriod: (now: number, roomMb: number | undefined) => void;
}

/** While an effect is awaited, looks are this close together. */
const SETTLE_LOOK_MS = 1_000;

/** Looks again and again, and decides when it is this scaler's turn. A look that fails is one sample less. */
export class Scaler {
  private readonly stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();
  private lastPeriod = -1;
  /** When the latest look succeeded, and the latest turn ended. */
  lastSampleAt = 0;
  lastTurnAt = 0;

  constructor(private readonly parts: ScalerParts) {}

  get isActing(): boolean {
    return this.parts.leadership.token !== undefined;
  }

  async open(): Promise<void> {
    await this.parts.leadership.campaign();
    this.running = this.run();
  }

  async close(): Promise<void> {
    this.stopping.abort();
    await this.running;
    await this.parts.leadership.resign();
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await this.look().catch((error: unknown) => this.complain(error));
      await wait(this.untilNextMs(), undefined, { signal }).catch(() => undefined);
    }
  }

  /** At whole multiples of the period by the clock, worked out anew each time, so that lateness does not add up. */
  private untilNextMs(): number {
    const { intervalMs, maker } = this.parts;
    const toPeriod = intervalMs - (Date.now() % intervalMs);
    return this.isActing && maker.isSettling ? Math.min(toPeriod, SETTLE_LOOK_MS) : toPeriod;
  }

  private async look(): Promise<void> {
    const { sampler, board, evidence, maker, leadership, onSample, onPeriod } = this.parts;
    const sample = await sampler.sample();
    const { seen } = sample;
    const policy = await board.policy();
    const isPeriod = this.isNewPeriod(seen.at);
    if (leadership.token === undefined) await maker.standBy();
    else await evidence.takeOver(leadership.token);
    if (isPeriod) this.remember(sample, maker.state ?? EMPTY_STATE);
    this.lastSampleAt = seen.at;
    onSample(sample);
    const { token } = leadership;
    if (token === undefined) return;
    await maker.turn(seen, policy, token, Date.now());
    if (isPeriod) {
      await maker.tellModels(this.parts.forecaster.takeDecisions(), token);
      await evidence.keep(token, seen.at);
      await this.show(sample, policy, maker.state ?? EMPTY_STATE);
      onPeriod(seen.at, roomMb(sample, policy));
    }
    this.lastTurnAt = Date.now();
  }

  /** Forecasts and history get one sample a period, however closely an effect is watched. */
  private isNewPeriod(at: number): boolean {
    const period = Math.floor(at / this.parts.intervalMs);
    const isNew = period !== this.lastPeriod;
    this.lastPeriod = period;
    return isNew;
  }

  private remember(sample: Sample, state: ScalerState): void {
    const { foreseer, window, rollups, leadership } = this.parts;
    foreseer.observe(sample.seen, state);
    for (const [series, value] of seriesIn(sample, state)) {
      window.put(series, sample.seen.at, value);
      // One scaler writes history, so that nothing is counted twice.
      if (leadership.token !== undefined) rollups.add(series, sample.seen.at, value);
    }
    window.forgetSilent(sample.seen.at);
  }

  private async show({ seen }: Sample, { policy }: ScalingPolicyView, state: ScalerState): Promise<void> {
    const { board, foreseer, context, maker } = this.parts;
    await board.show(viewOf({ seen, state, policy, memory: maker.foreseenMemory, by: context.instance, training: this.parts.trainingState(), priority: prioritiesOf(policy), ...foreseer.view(seen, state, seen.at) }));
  }

  private complain(error: unknown): void {
    const { context, leadership } = this.parts;
    if (error instanceof FencedOff) {
      leadership.lost();
      context.logger.warn({ reason: error.message }, 'another scaler decides now; this one stands by');
      return;
    }
    context.logger[context.connections.isReady ? 'error' : 'debug']({ err: error }, 'a look failed; the next one comes');
  }
}

const roomMb = ({ seen: { memory } }: Sample, { policy }: ScalingPolicyView): number | undefined => memory && (memory.budgetMb * (policy.disableAtPercent - policy.marginPercent)) / 100 - memory.usedMb;
