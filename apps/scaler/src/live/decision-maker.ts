import { FencedOff, type HistoryFeed, type Notices, type ScalingBoard } from '@conductor/control';
import type { ScalingDecision, ScalingPolicyView, UsedForecast } from '@conductor/contracts';
import type { Logger } from '@conductor/observability';
import type { Actuator } from '../act/actuator';
import { decide, type Observation, type ScalerState } from '../decide';
import type { Foreseer } from '../foresee/foreseer';
import type { ModelDecision } from '../forecast';
import type { MemoryOfScalers, OpenDecision, Remembered } from './memory-of-scalers';
import { championChanged, policyChanged } from './other-decisions';

export interface MakerParts {
  readonly by: string;
  readonly board: ScalingBoard;
  readonly memory: MemoryOfScalers;
  readonly foreseer: Foreseer;
  readonly actuator: Actuator;
  readonly history: Pick<HistoryFeed, 'add'>;
  readonly notices: Notices;
  readonly logger: Logger;
  readonly onDecided: (decision: ScalingDecision) => void;
  readonly onTurn: (tookMs: number) => void;
}

/** In `watch` mode the same conclusion is told once in this time. */
const SAY_AGAIN_MS = 300_000;

/** Decides while this scaler may: recalls, looks, decides, keeps, acts, tells, in this order. */
export class DecisionMaker {
  private remembered: Remembered | undefined;
  /** Under which number it was recalled; another one means that somebody else decided meanwhile. */
  private token: number | undefined;
  private readonly said = new Map<string, number>();
  /** What the latest turn foresaw of memory. */
  foreseenMemory: UsedForecast | undefined;

  constructor(private readonly parts: MakerParts) {}

  /** What the forecasts need to know of what is shed; also while standing by. */
  get state(): ScalerState | undefined {
    return this.remembered?.state;
  }

  /** Something is being waited for: look again soon. */
  get isSettling(): boolean {
    return this.remembered?.state.pending !== undefined;
  }

  /** So that a scaler that stands by knows what is shed. @throws RedisUnavailable */
  async standBy(): Promise<void> {
    this.token = undefined;
    this.remembered = await this.parts.memory.recall();
  }

  /** One turn. @throws FencedOff when another scaler decides by now, RedisUnavailable */
  async turn(seen: Observation, policy: ScalingPolicyView, token: number, now: number): Promise<void> {
    const { memory, foreseer, by } = this.parts;
    if (this.token !== token || !this.remembered) this.remembered = await memory.recall();
    this.token = token;
    const startedAt = performance.now();
    const before = this.remembered;
    const foresight = foreseer.look(seen, before.state, policy.policy, now);
    const decided = decide(before.state, seen, foresight, policy.policy, now, { by, token });
    this.parts.onTurn(performance.now() - startedAt);
    this.foreseenMemory = foresight.memory;

    const news = policy.version === before.policyVersion ? [] : [policyChanged(policy, { by, token }, now)];
    const acting = policy.policy.mode === 'act';
    const decisions = acting ? decided.decisions : this.unsaid(decided.decisions, now);
    const state = acting ? decided.state : withoutDeeds(decided.state, before.state);
    const open = [...before.open.map((each) => withEffect(each, decided.measured)), ...(acting ? decisions.map((decision) => ({ decision, carriedOut: false })) : [])];
    await this.keep({ state, open: open.filter(isOpen(state)), policyVersion: policy.version }, token);

    for (const { decision } of open) if (decided.measured.some((effect) => effect.decision === decision.id)) await this.effectOf(decision, token);
    for (const decision of [...news, ...decisions]) await this.tell(decision);
    await this.carryOut(token);
  }

  /** Decisions about the models, which the forecasts take themselves. */
  async tellModels(decisions: readonly ModelDecision[], token: number): Promise<void> {
    for (const decision of decisions) await this.tell(championChanged(decision, { by: this.parts.by, token }), decision.series === 'memory:total');
  }

  private async carryOut(token: number): Promise<void> {
    const { actuator, logger } = this.parts;
    const todo = this.remembered?.open.filter(({ carriedOut }) => !carriedOut) ?? [];
    if (todo.length === 0) return;
    const done = new Set<string>();
    for (const { decision } of todo) {
      try {
        // What the scaler before this one did not get done is done under this one's number.
        await actuator.carryOut({ ...decision, token });
        done.add(decision.id);
        // The one before may have died before it wrote the row; a row that is there stays as it is.
        if (decision.token !== token) this.parts.history.add('scaling-decision', decision);
      } catch (error) {
        if (error instanceof FencedOff) throw error;
        logger.warn({ err: error, decision: decision.id }, 'a decision could not be carried out; it is tried again');
      }
    }
    const { state, open, policyVersion } = this.remembered!;
    const left = open.map((each) => (done.has(each.decision.id) ? { ...each, carriedOut: true } : each)).filter(isOpen(state));
    await this.keep({ state, open: left, policyVersion }, token);
  }

  private async effectOf(decision: ScalingDecision, token: number): Promise<void> {
    await this.tell(decision);
    try {
      await this.parts.actuator.tellEffect({ ...decision, token });
    } catch (error) {
      if (error instanceof FencedOff) throw error;
      this.parts.logger.debug({ err: error, decision: decision.id }, 'the effect stands in the log only');
    }
  }

  private async keep(remembered: Remembered, token: number): Promise<void> {
    await this.parts.memory.keep(remembered, token);
    this.remembered = remembered;
  }

  private async tell(decision: ScalingDecision, toAll = true): Promise<void> {
    const { history, logger, notices, onDecided } = this.parts;
    history.add('scaling-decision', decision);
    if (!decision.measured) {
      logger.info({ decision: decision.id, kind: decision.kind, platforms: decision.platforms, rule: decision.rule }, decision.reason);
      onDecided(decision);
    }
    // It stands in the log; a stream that misses it can read it there.
    if (toAll) await notices.publish({ type: 'scaling', decision }).catch(() => undefined);
  }

  /** What is only watched is not done, so it would be decided again and again. */
  private unsaid(decisions: readonly ScalingDecision[], now: number): ScalingDecision[] {
    return decisions.filter(({ kind, platforms }) => {
      const key = `${kind} ${platforms.join()}`;
      if (now - (this.said.get(key) ?? -Infinity) < SAY_AGAIN_MS) return false;
      this.said.set(key, now);
      return true;
    }).map((decision) => ({ ...decision, reason: `(only watching) ${decision.reason}` }));
  }
}

const withEffect = (open: OpenDecision, measured: ReturnType<typeof decide>['measured']): OpenDecision => {
  const effect = measured.find(({ decision }) => decision === open.decision.id)?.effect;
  return effect ? { ...open, decision: { ...open.decision, measured: effect } } : open;
};

/** Until it is carried out, and measured if that is waited for. */
const isOpen = ({ pending }: ScalerState) => ({ decision, carriedOut }: OpenDecision): boolean =>
  (!carriedOut && decision.action.type !== 'none') || (pending !== undefined && Object.values(pending.decisions).includes(decision.id));

/** In `watch` mode nothing was shed. */
const withoutDeeds = ({ pending: _pending, lastRestoreAt: _restored, ...after }: ScalerState, { units, pending, lastRestoreAt }: ScalerState): ScalerState => ({
  ...after,
  units,
  ...(pending && { pending }),
  ...(lastRestoreAt !== undefined && { lastRestoreAt }),
});
