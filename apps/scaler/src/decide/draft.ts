import type { MeasuredEffect, ScalingDecision, ScalingPolicy } from '@conductor/contracts';
import type { Foresight, Observation } from './observation';
import type { Pending, ScalerState, UnitMemory } from './scaler-state';
import { type Unit, unitsIn } from './shed-order';

/** Who decides: `token` grows with each decision-maker. */
export interface Decider {
  readonly by: string;
  readonly token: number;
}

/** What came of one look. Actions follow from the decisions; the state is kept before any of them is carried out. */
export interface Decided {
  readonly state: ScalerState;
  readonly decisions: readonly ScalingDecision[];
  /** Effects of earlier decisions, measured now. */
  readonly measured: ReadonlyArray<{ readonly decision: string; readonly effect: MeasuredEffect }>;
}

type Without = 'id' | 'at' | 'token' | 'by' | 'inputs';

/** One turn of deciding: what is known, and what has been decided so far. Lives for one call; nothing outside sees it change. */
export class Draft {
  readonly units: readonly Unit[];
  readonly decisions: ScalingDecision[] = [];
  readonly measured: Array<Decided['measured'][number]> = [];

  constructor(
    public state: ScalerState,
    readonly seen: Observation,
    readonly foresight: Foresight,
    readonly policy: ScalingPolicy,
    readonly now: number,
    private readonly who: Decider,
  ) {
    this.units = unitsIn(seen, policy);
  }

  /** Memory in use, in percent of the wall. */
  get observedPercent(): number | undefined {
    return this.percent(this.seen.memory?.usedMb);
  }

  get forecastPercent(): number | undefined {
    return this.percent(this.foresight.memory?.value);
  }

  /** For shedding: the greater of what is observed and what is forecast. */
  get decidingPercent(): number | undefined {
    const observed = this.observedPercent;
    return observed === undefined ? undefined : Math.max(observed, this.forecastPercent ?? 0);
  }

  percent(mb: number | undefined): number | undefined {
    const budget = this.seen.memory?.budgetMb;
    return mb === undefined || !budget ? undefined : (mb / budget) * 100;
  }

  remember(change: Partial<ScalerState>): void {
    this.state = { ...this.state, ...change };
  }

  unit(name: string): UnitMemory {
    return this.state.units[name] ?? { platforms: [], strikes: 0 };
  }

  rememberUnit(name: string, memory: UnitMemory): void {
    this.remember({ units: { ...this.state.units, [name]: memory } });
  }

  /** The next look waits for the effect of these decisions. */
  await(pending: Pending): void {
    this.remember({ pending });
  }

  /** Writes a decision down, with what was seen. */
  decide(decision: Omit<ScalingDecision, Without> & { inputs?: ScalingDecision['inputs'] }): ScalingDecision {
    const { now, who } = this;
    const number = this.state.decisions + 1;
    const full: ScalingDecision = { id: `d-${now.toString(36)}-${who.token}-${number}`, at: now, ...who, ...decision, inputs: { ...this.memoryInputs(), ...decision.inputs } };
    const { standing: _told, ...state } = this.state;
    this.state = decision.kind === 'no-change' ? { ...this.state, decisions: number } : { ...state, decisions: number };
    this.decisions.push(full);
    return full;
  }

  private memoryInputs(): ScalingDecision['inputs'] {
    const { memory, pressurePercent } = this.seen;
    if (!memory) return {};
    const { observedPercent, decidingPercent } = this;
    return {
      ...memory,
      ...(observedPercent !== undefined && { usedPercent: round(observedPercent) }),
      ...(decidingPercent !== undefined && { decidingPercent: round(decidingPercent) }),
      ...(pressurePercent !== undefined && { pressurePercent }),
    };
  }
}

const round = (value: number) => Math.round(value * 10) / 10;
