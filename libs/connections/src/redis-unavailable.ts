interface Options extends ErrorOptions {
  retryAfterMs?: number;
  refusal?: string;
}

/** Redis cannot be reached, or refuses service: nothing was accepted, or it is not known to be. The caller may come again. */
export class RedisUnavailable extends Error {
  override readonly name = 'RedisUnavailable';
  readonly retryAfterMs: number;
  /** As Redis names it (`READONLY`, `OOM`, …), where it answers and refuses. */
  readonly refusal: string | undefined;

  constructor(message: string, { retryAfterMs = 2_000, refusal, ...options }: Options = {}) {
    super(message, options);
    this.retryAfterMs = retryAfterMs;
    this.refusal = refusal;
  }
}
