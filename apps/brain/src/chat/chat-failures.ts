import type { FailureClass } from '@conductor/contracts';
import { DeliveryFailure } from '@conductor/platform-kit';

/** What to name in a message for an operator; `hide` is cut out of whatever the endpoint says. */
export interface Told {
  url: string;
  model: string;
  hide: string | undefined;
}

/**
 * Every way in which the language model fails a message: what happens to the message next, and, by its class, whom the circuit breaker
 * blames. `error`, `timeout` and `credentials`: the platform. `rejected`: the message alone. `rate-limit`, and what is put off as `overload`: nobody.
 */
export const FAILURES = {
  'rate-limited': { next: 'not-now', class: 'rate-limit' },
  'endpoint-not-ready': { next: 'not-now', class: 'overload' },
  'model-loading': { next: 'not-now', class: 'overload' },
  'endpoint-error': { next: 'retry', class: 'error' },
  'endpoint-unreachable': { next: 'retry', class: 'error' },
  'endpoint-not-understood': { next: 'retry', class: 'error' },
  'blank-answer': { next: 'retry', class: 'error' },
  timeout: { next: 'retry', class: 'timeout' },
  'answer-too-large': { next: 'never', class: 'error' },
  'endpoint-moved': { next: 'never', class: 'error' },
  'model-not-found': { next: 'never', class: 'error' },
  'bad-credentials': { next: 'never', class: 'credentials' },
  'quota-exhausted': { next: 'never', class: 'credentials' },
  'message-too-long': { next: 'never', class: 'rejected' },
  'refused-by-endpoint': { next: 'never', class: 'rejected' },
  'content-filtered': { next: 'never', class: 'rejected' },
  'only-reasoning': { next: 'never', class: 'rejected' },
  'tool-call-unsupported': { next: 'never', class: 'rejected' },
} as const satisfies Record<string, { next: 'not-now' | 'retry' | 'never'; class: FailureClass }>;
export type FailureCode = keyof typeof FAILURES;

const LONGEST_QUOTE = 300;
const DEFAULT_PAUSE_MS = 5_000;
/** "At once" would be a tight loop. */
const SHORTEST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 3_600_000;

/** @param pauseMs of those that are put off */
export const failure = (code: FailureCode, message: string, { pauseMs = DEFAULT_PAUSE_MS, cause }: { pauseMs?: number | undefined; cause?: unknown } = {}): DeliveryFailure => {
  const { next, class: failureClass } = FAILURES[code];
  const details = { code, message, class: failureClass, cause };
  switch (next) {
    case 'not-now':
      return DeliveryFailure.notNow(pauseMs, details);
    case 'retry':
      return DeliveryFailure.retry(details);
    case 'never':
      return DeliveryFailure.never(details);
  }
};

/** Words by which servers say that the prompt does not fit: OpenAI, llama.cpp, vLLM, Ollama, LM Studio, Mistral, Anthropic, Google. */
const TOO_LONG = /context[ _-]?(?:length|size|window)|maximum context|too many (?:input )?tokens|prompt is too long|(?:input|prompt|request|message)s? (?:is |are )?too (?:long|large)|exceeds? (?:the )?(?:available |maximum |model'?s? )*(?:context|number of tokens|token limit)|reduce the length|n_ctx|input token count/i;
/** Ordinary limits per minute link to a page on billing, too: only these words say that waiting does not help. */
const NO_QUOTA = /insufficient[_ ](?:quota|balance|credits|funds)|payment required|credit balance is too low/i;
const FILTERED = /content[_ ](?:filter|policy|management)|moderation|flagged|safety/i;
const BAD_KEY = /api[_ ]key (?:not valid|invalid|expired)|(?:invalid|incorrect|wrong)[_ ]api[_ ]?key/i;
const LOADING = /loading model|model is (?:still )?loading|currently loading|warming up/i;

/** Texts that stand in a body where others put a number. */
const STATUS_OF_CODE: Record<string, number> = {
  rate_limit_exceeded: 429, rate_limit_error: 429, too_many_requests: 429, overloaded_error: 529, server_overloaded: 529, insufficient_quota: 402,
  invalid_api_key: 401, authentication_error: 401, permission_error: 403, model_not_found: 404, not_found_error: 404,
  context_length_exceeded: 413, request_too_large: 413, content_filter: 400, invalid_request_error: 400, server_error: 500, internal_error: 500, timeout: 504,
};

/** The status that an error inside of a body names; one that names none is a failure of the endpoint. */
export const statusIn = (error: unknown): number => {
  const { code, status, type } = (typeof error === 'object' && error !== null ? error : {}) as { code?: unknown; status?: unknown; type?: unknown };
  for (const named of [code, status, type]) {
    const number = typeof named === 'string' && named in STATUS_OF_CODE ? STATUS_OF_CODE[named]! : Number(named);
    if (Number.isInteger(number) && number >= 400 && number < 600) return number;
  }
  return 502;
};

/**
 * Translates an answer that is no success, or an error inside of one that claims to be.
 * @param headers of the answer; `retry-after` counts
 */
export const fromStatus = (status: number, headers: { get(name: string): string | null }, body: string, told: Told): DeliveryFailure => {
  const said = quote(body, told);
  const pauseMs = retryAfterMs(headers);
  if (status === 402 || (status === 429 && NO_QUOTA.test(body))) return failure('quota-exhausted', `the account at ${told.url} has nothing left to pay with: top it up, or set BRAIN_API_KEY and BRAIN_URL to another${said}`);
  if (status === 429 && /too large|reduce the length/i.test(body)) return failure('message-too-long', `the message is larger than the language model's endpoint takes at all (429)${said}`);
  if (status === 429) return failure('rate-limited', `the language model's endpoint takes no more requests for now${said}`, { pauseMs });
  if (status === 529 || (status === 503 && pauseMs !== undefined)) return failure('endpoint-not-ready', `the language model's endpoint asks to come back later${said}`, { pauseMs });
  if (status === 503 && LOADING.test(body)) return failure('model-loading', `the language model is still being loaded${said}`, { pauseMs });
  if (status >= 400 && TOO_LONG.test(body)) return failure('message-too-long', `the message is longer than the language model's context${said}`);
  if (status === 413) return failure('message-too-long', `the message is larger than the language model's endpoint takes (413)${said}`);
  if (status === 403 && FILTERED.test(body)) return failure('content-filtered', `the language model's endpoint refuses the content of this message (403)${said}`);
  if (status === 401 || status === 403 || (status === 400 && BAD_KEY.test(body))) return failure('bad-credentials', `${told.url} refuses our key (${status}): set BRAIN_API_KEY to a valid one${said}`);
  if (status === 404) {
    return failure('model-not-found', `${told.url} does not know the model "${told.model}" or has no /chat/completions: set BRAIN_MODEL to a model it offers (with Ollama: \`ollama pull <model>\`), and check BRAIN_URL, which usually ends in /v1${said}`);
  }
  if (status === 408 || status === 409 || status === 425 || status >= 500) return failure('endpoint-error', `the language model's endpoint failed with ${status}${said}`);
  if (FILTERED.test(body)) return failure('content-filtered', `the language model's endpoint refuses the content of this message (${status})${said}`);
  return failure('refused-by-endpoint', `the language model's endpoint does not accept this message (${status}); a shorter or simpler one may pass${said}`);
};

/** Translates what `fetch` throws; nothing was answered then. */
export const fromNetwork = (error: unknown, told: Told): DeliveryFailure =>
  failure('endpoint-unreachable', `${told.url} cannot be reached (${hidden(networkReason(error), told)}): is the language model's server running, and is BRAIN_URL right?`, { cause: error });

/** A redirect is not followed: it would lead conversations to an address that nobody chose, and turn the question into a look. */
export const moved = (status: number, location: string | null, told: Told): DeliveryFailure => {
  const to = location === null ? null : URL.parse(location, told.url);
  return failure('endpoint-moved', `${told.url} answers ${status} and names another address${to ? `, ${to.origin}${to.pathname}` : ''}: set BRAIN_URL to that one if it is right`);
};

export const notUnderstood = (body: string, told: Told): DeliveryFailure =>
  failure('endpoint-not-understood', `${told.url} answered with something that is no chat completion: is BRAIN_URL right? It usually ends in /v1${quote(body, told)}`);

export const tooSlow = (timeoutMs: number): DeliveryFailure => failure('timeout', `the language model gave no answer within ${timeoutMs} ms (BRAIN_TIMEOUT_MS)`);

/** The bottom of what `fetch` throws says what happened, e.g. `connect ECONNREFUSED 127.0.0.1:11434`. */
export const networkReason = (error: unknown): string => {
  const { cause, message, code } = error as { cause?: unknown; message?: string; code?: string };
  return cause ? networkReason(cause) : message || code || String(error);
};

/** Seconds or an HTTP date. */
const retryAfterMs = (headers: { get(name: string): string | null }): number | undefined => {
  const value = headers.get('retry-after')?.trim();
  if (!value) return undefined;
  const ms = /^\d+(\.\d+)?$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, SHORTEST_PAUSE_MS), LONGEST_PAUSE_MS);
};

/** The endpoint's own words, short. */
const quote = (body: string, told: Told): string => {
  let said = body.trim();
  try {
    const { error, message, detail } = JSON.parse(body) as { error?: { message?: unknown } | string; message?: unknown; detail?: unknown };
    const words = [error, typeof error === 'object' ? error?.message : undefined, message, detail].find((one) => typeof one === 'string');
    // Never the whole of a completion: it may hold what the model was thinking.
    said = (words) ?? (error === undefined ? '' : JSON.stringify(error));
  } catch {
    // Not JSON: its words as they are.
  }
  said = hidden(said, told).toWellFormed();
  if (said === '') return '';
  return `. It says: ${said.length > LONGEST_QUOTE ? `${said.slice(0, LONGEST_QUOTE).toWellFormed()}…` : said}`;
};

/** Some repeat the key they were given. */
const hidden = (text: string, { hide }: Told): string => (hide === undefined ? text : text.replaceAll(hide, '[secret]'));
