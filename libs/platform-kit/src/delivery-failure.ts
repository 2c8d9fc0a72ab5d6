import type { Failure, FailureClass } from '@conductor/contracts';

interface Details {
  /** Stable, kebab-case, e.g. `chat-not-found`. */
  code: string;
  /** For a person: what happened, why, what to do. */
  message: string;
  class?: FailureClass;
  cause?: unknown;
}

/** The one error a platform throws on purpose. It says what should happen to the message next. */
export class DeliveryFailure extends Error {
  override readonly name = 'DeliveryFailure';
  readonly outcome: Failure;

  private constructor(outcome: Failure, cause: unknown) {
    super(outcome.message, { cause });
    this.outcome = outcome;
  }

  /** May work next time: tried again with back-off. */
  static retry({ code, message, class: failureClass = 'error', cause }: Details) {
    return new DeliveryFailure({ result: 'retry', code, message, class: failureClass }, cause);
  }

  /** Trying again cannot help: a fallback, or the dead letters. */
  static never({ code, message, class: failureClass = 'rejected', cause }: Details) {
    return new DeliveryFailure({ result: 'never', code, message, class: failureClass }, cause);
  }

  /** Nothing is wrong with the message: it waits `delayMs` and loses no attempt. */
  static notNow(delayMs: number, { code, message, class: failureClass = 'rate-limit', cause }: Details) {
    return new DeliveryFailure({ result: 'not-now', delayMs, code, message, class: failureClass }, cause);
  }

  /** It was sent and nobody can tell whether it arrived: never repeated blindly. */
  static unknown({ code, message, class: failureClass = 'timeout', cause }: Details) {
    return new DeliveryFailure({ result: 'unknown', code, message, class: failureClass }, cause);
  }

  /** Any other error counts as transient: nothing is known that forbids another try. */
  static from(error: unknown): DeliveryFailure {
    if (error instanceof DeliveryFailure) return error;
    const message = error instanceof Error ? error.message : String(error);
    return DeliveryFailure.retry({ code: 'unexpected', message: message || 'the platform failed without saying why', cause: error });
  }
}
