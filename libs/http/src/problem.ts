import { type ProblemCode, type ProblemDocument, problems } from '@conductor/contracts';

export interface ProblemExtra {
  /** Each wrong field and what is wrong with it. */
  errors?: ProblemDocument['errors'];
  /** The message that the problem is about, and what becomes of it. */
  request?: ProblemDocument['request'];
  /** Sent as `Retry-After`, in whole seconds of at least 1. */
  retryAfterSeconds?: number | undefined;
  /** Sent as `Allow`: the methods that the path takes. */
  allow?: readonly string[];
  /** The key that may not do it; for the log, and not sent. */
  keyId?: string;
  cause?: unknown;
}

/**
 * What a caller is told instead of an answer. Throw it anywhere below a handler; the door writes it as an RFC 9457 document.
 * `detail` is for a person: what happened, why, and what to do. It must not hold secrets.
 */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly errors: ProblemDocument['errors'];
  readonly request: ProblemDocument['request'];
  readonly retryAfterSeconds: number | undefined;
  readonly allow: readonly string[] | undefined;
  readonly keyId: string | undefined;

  constructor(
    readonly code: ProblemCode,
    readonly detail: string,
    extra: ProblemExtra = {},
  ) {
    super(detail, extra.cause === undefined ? undefined : { cause: extra.cause });
    this.errors = extra.errors;
    this.request = extra.request;
    this.allow = extra.allow;
    this.keyId = extra.keyId;
    this.retryAfterSeconds = extra.retryAfterSeconds === undefined ? undefined : Math.max(1, Math.ceil(extra.retryAfterSeconds));
  }

  get status(): number {
    return problems[this.code][0];
  }

  /**
   * The document as it is sent, for the request at `instance` (where its path is known) with the correlation id `trace`.
   * @param prefix the path under which a proxy serves us
   */
  toDocument(instance: string | undefined, trace: string, prefix = ''): ProblemDocument {
    const [status, title] = problems[this.code];
    return {
      type: `${prefix}/problems/${this.code}`,
      title,
      status,
      detail: this.detail,
      code: this.code,
      ...(instance !== undefined && { instance: prefix + instance }),
      trace,
      ...(this.errors && { errors: this.errors }),
      ...(this.request && { request: this.request }),
    };
  }
}

/** The refusal of a sender whose quota is full, or of a message for a platform whose quota is. */
export const quotaProblem = (error: { message: string; retryAfterMs: number; account: { kind: string } }): Problem =>
  new Problem(error.account.kind === 'platform' ? 'platform-full' : 'quota-exceeded', `${error.message}.`, { retryAfterSeconds: error.retryAfterMs / 1_000, cause: error });
