/** Thrown by `initialize`. */
export class SetupFailure extends Error {
  override readonly name = 'SetupFailure';
  readonly retryable: boolean;

  private constructor(message: string, retryable: boolean, cause: unknown) {
    super(message, { cause });
    this.retryable = retryable;
  }

  /** Only a person can mend it; it is not tried again before something was changed. */
  static needsAttention(message: string, cause?: unknown) {
    return new SetupFailure(message, false, cause);
  }

  static transient(message: string, cause?: unknown) {
    return new SetupFailure(message, true, cause);
  }
}
