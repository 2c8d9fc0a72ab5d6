import type { ScalingDecision } from '@conductor/contracts';

/**
 * Carries decisions out. The seam to whatever runs platforms: the launcher's processes today, a container engine's tomorrow. Carrying the same
 * decision out twice is the same as once.
 */
export interface Actuator {
  /** @throws FencedOff when another scaler decides by now, RedisUnavailable */
  carryOut(decision: ScalingDecision): Promise<void>;
  /** The effect was measured; whoever asks why is told. */
  tellEffect(decision: ScalingDecision): Promise<void>;
}
