import type { ProblemCode, SwapStep } from '@conductor/contracts';

/** A swap ended at this step, and the old version serves. */
export class SwapFailed extends Error {
  override readonly name = 'SwapFailed';

  constructor(
    readonly step: SwapStep,
    message: string,
    cause?: unknown,
  ) {
    super(message, { cause });
  }

  get code(): ProblemCode {
    return CODES[this.step];
  }
}

const CODES: Record<SwapStep, ProblemCode> = {
  resolve: 'swap-resolve-failed',
  scan: 'swap-scan-failed',
  start: 'swap-start-failed',
  health: 'swap-health-failed',
  canary: 'swap-canary-failed',
  switch: 'swap-switch-failed',
  'hand-over': 'swap-hand-over-failed',
  drain: 'swap-switch-failed',
  stop: 'swap-switch-failed',
};

export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
