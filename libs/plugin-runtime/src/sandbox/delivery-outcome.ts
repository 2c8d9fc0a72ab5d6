import { DeliveryFailure, SetupFailure } from '@conductor/platform-kit';
import { HookFailed, LinkClosed } from './process/child-link';
import { NotLoaded } from './process/process-pool';
import { WallsMissing } from './sandbox';

const LONGEST_DELAY_MS = 3_600_000;

/**
 * What becomes of a message whose plugin failed. A plugin that was never asked costs a try and nothing else; one that died with the
 * message in hand leaves its end unknown, unless doing it twice does no harm.
 */
export const deliveryFailureOf = (error: unknown, repeatable: boolean): unknown => {
  if (error instanceof NotLoaded) {
    const details = { code: 'plugin-not-loaded', message: `the plugin cannot take messages: ${error.message}`, class: 'error', cause: error } as const;
    return error.needsAttention ? DeliveryFailure.never(details) : DeliveryFailure.retry(details);
  }
  if (error instanceof LinkClosed) {
    const { message } = error;
    if (!error.sent) return DeliveryFailure.retry({ code: 'plugin-process-ended', message, class: 'error', cause: error });
    // Also where it is tried again: after the last attempt, nobody knows whether one of them was carried out.
    const details = { code: 'outcome-unknown', message: `${message}; it may or may not have carried the message out`, class: 'error', cause: error } as const;
    return repeatable ? DeliveryFailure.retry(details) : DeliveryFailure.unknown(details);
  }
  if (error instanceof HookFailed) return ofPlugin(error);
  return error;
};

const ofPlugin = (error: HookFailed): DeliveryFailure => {
  const { failure } = error;
  if (failure.kind !== 'delivery') {
    const { message } = failure;
    if (failure.kind === 'error' && failure.code === 'answer-too-large') return DeliveryFailure.never({ code: 'answer-too-large', message, class: 'error', cause: error });
    return DeliveryFailure.retry({ code: 'unexpected', message, cause: error });
  }
  const { outcome } = failure;
  switch (outcome.result) {
    case 'retry':
      return DeliveryFailure.retry({ ...outcome, cause: error });
    case 'never':
      return DeliveryFailure.never({ ...outcome, cause: error });
    case 'not-now':
      return DeliveryFailure.notNow(Math.min(outcome.delayMs, LONGEST_DELAY_MS), { ...outcome, cause: error });
    case 'unknown':
      return DeliveryFailure.unknown({ ...outcome, cause: error });
  }
};

/** What a failed start means for the platform: tried again later, or only after a person did something. */
export const setupFailureOf = (error: unknown): unknown => {
  if (error instanceof WallsMissing) return SetupFailure.needsAttention(error.message, error);
  if (error instanceof NotLoaded) return error.needsAttention ? SetupFailure.needsAttention(error.message, error) : SetupFailure.transient(error.message, error);
  return error;
};
