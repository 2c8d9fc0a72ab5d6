import { ScalingDecision } from '@conductor/contracts';
import type { ScalingBoard } from '@conductor/control';
import { z } from 'zod';
import { EMPTY_STATE, type ScalerState } from '../decide';

/** A decision that is not done with: still to be carried out, or its effect still to be measured. */
export interface OpenDecision {
  readonly decision: ScalingDecision;
  readonly carriedOut: boolean;
}

/** What one scaler hands to the next. */
export interface Remembered {
  readonly state: ScalerState;
  readonly open: readonly OpenDecision[];
  /** Version of the policy that was last decided by. */
  readonly policyVersion: number;
}

const NOTHING: Remembered = { state: EMPTY_STATE, open: [], policyVersion: 0 };

/** Only its frame: what is in it was written by this same program, and a wrong figure would not be told from a right one. */
const Stored = z.object({
  state: z.looseObject({ decisions: z.int(), units: z.record(z.string(), z.looseObject({ strikes: z.int(), platforms: z.array(z.string()) })), load: z.record(z.string(), z.looseObject({ seenMs: z.number() })) }),
  open: z.array(z.object({ decision: ScalingDecision, carriedOut: z.boolean() })),
  policyVersion: z.int(),
});

/** Kept before anything is done, so that whoever takes over neither forgets a decision nor takes it twice. */
export class MemoryOfScalers {
  constructor(private readonly board: ScalingBoard) {}

  /** @throws RedisUnavailable */
  async recall(): Promise<Remembered> {
    const stored = Stored.safeParse(await this.board.state());
    return stored.success ? (stored.data) : NOTHING;
  }

  /** @throws FencedOff when another has taken over, RedisUnavailable */
  async keep(remembered: Remembered, token: number): Promise<void> {
    await this.board.keepState(remembered, { name: 'scaler', token });
  }
}
