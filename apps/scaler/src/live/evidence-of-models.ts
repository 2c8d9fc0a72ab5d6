import type { ScalingBoard } from '@conductor/control';
import type { Logger } from '@conductor/observability';
import { type Forecaster, packed, unpacked } from '../forecast';

/** Written down once in so many periods, a minute as a rule; what a scaler that dies had gathered since is lost. */
const PERIODS = 12;

/** Hands on what is known of the models: the scaler that decides writes it down, the next one that does goes on from there. */
export class EvidenceOfModels {
  /** Under which number it was taken over. */
  private token: number | undefined;
  private keptAt: number | undefined;

  constructor(
    private readonly forecaster: Forecaster,
    private readonly board: Pick<ScalingBoard, 'evidence' | 'keepEvidence'>,
    private readonly logger: Logger,
  ) {}

  /** To be called before each look of the one that decides; reads once. @throws RedisUnavailable */
  async takeOver(token: number): Promise<void> {
    if (token === this.token) return;
    const text = await this.board.evidence();
    this.token = token;
    this.keptAt = undefined;
    if (text === undefined) return;
    try {
      const evidence = unpacked(text);
      this.forecaster.recall(evidence);
      this.logger.info({ series: evidence.series.size, since: new Date(evidence.at).toISOString() }, 'the models go on with the evidence that was gathered before');
    } catch (error) {
      this.logger.warn({ err: error }, 'the evidence about the models that was kept cannot be used, so they begin anew');
    }
  }

  /** @param now epoch milliseconds @throws FencedOff when another scaler decides by now, RedisUnavailable */
  async keep(token: number, now: number): Promise<void> {
    // Not at once: after a start, not all that is known of has been seen again.
    this.keptAt ??= now;
    if (Math.abs(now - this.keptAt) < PERIODS * this.forecaster.rules.periodMs) return;
    this.keptAt = now;
    await this.board.keepEvidence(packed(this.forecaster.evidence(now)), { name: 'scaler', token });
  }
}
