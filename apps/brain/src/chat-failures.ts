import { DeliveryFailure } from '@conductor/platform-kit';

/** What to name in a message for a person; `hide` is cut out of whatever the endpoint says. */
export interface Told {
  url: string;
  model: string;
  hide: string | undefined;
}

const LONGEST_QUOTE = 300;
const PAUSE_WITHOUT_RETRY_AFTER_MS = 5_000;
const LONGEST_PAUSE_MS = 3_600_000;

/** Translates an answer that is no success into what should happen to the message next. */
export const fromStatus = (status: number, headers: Headers, body: string, told: Told): DeliveryFailure => {
  const said = quote(body, told);
  if (status === 429) return DeliveryFailure.notNow(retryAfterMs(headers) ?? PAUSE_WITHOUT_RETRY_AFTER_MS, { code: 'rate-limited', message: `the language model's endpoint takes no more requests for now${said}` });
  const pause = retryAfterMs(headers);
  if (status === 503 && pause !== undefined) return DeliveryFailure.notNow(pause, { code: 'endpoint-not-ready', class: 'overload', message: `the language model's endpoint asks to come back later${said}` });
  if (status === 401 || status === 403) return DeliveryFailure.never({ code: 'bad-credentials', class: 'credentials', message: `${told.url} refuses our key (${status}): set BRAIN_API_KEY to a valid one${said}` });
  if (status === 404) {
    return DeliveryFailure.never({
      code: 'model-not-found', class: 'error',
      message: `${told.url} does not know the model "${told.model}" or has no /chat/completions: set BRAIN_MODEL to a model it offers (with Ollama: \`ollama pull <model>\`), and check BRAIN_URL, which usually ends in /v1${said}`,
    });
  }
  if (status === 408 || status === 409 || status === 425 || status >= 500) return DeliveryFailure.retry({ code: 'endpoint-error', message: `the language model's endpoint failed with ${status}${said}` });
  return DeliveryFailure.never({ code: 'refused-by-endpoint', message: `the language model's endpoint does not accept this message (${status}); a shorter or simpler one may pass${said}` });
};

/** Translates what `fetch` throws; nothing was answered then. */
export const fromNetwork = (error: unknown, told: Told): DeliveryFailure =>
  DeliveryFailure.retry({ code: 'endpoint-unreachable', message: `${told.url} cannot be reached (${networkReason(error)}): is the language model's server running, and is BRAIN_URL right?`, cause: error });

export const notUnderstood = (body: string, told: Told): DeliveryFailure =>
  DeliveryFailure.retry({ code: 'endpoint-not-understood', message: `${told.url} answered with something that is no chat completion: is BRAIN_URL right? It usually ends in /v1${quote(body, told)}` });

export const tooSlow = (timeoutMs: number): DeliveryFailure =>
  DeliveryFailure.retry({ code: 'timeout', class: 'timeout', message: `the language model gave no answer within ${timeoutMs} ms (BRAIN_TIMEOUT_MS)` });

/** The bottom of what `fetch` throws says what happened, e.g. `connect ECONNREFUSED 127.0.0.1:11434`. */
export const networkReason = (error: unknown): string => {
  const { cause, message, code } = error as { cause?: unknown; message?: string; code?: string };
  return cause ? networkReason(cause) : message || code || String(error);
};

/** Seconds or an HTTP date. */
const retryAfterMs = (headers: Headers): number | undefined => {
  const value = headers.get('retry-after')?.trim();
  if (!value) return undefined;
  const ms = /^\d+(\.\d+)?$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), LONGEST_PAUSE_MS);
};

/** The endpoint's own words, short; some repeat the key they were given. */
const quote = (body: string, { hide }: Told): string => {
  let said = body.trim();
  try {
    const { error } = JSON.parse(body) as { error?: { message?: unknown } | string };
    said = typeof error === 'string' ? error : typeof error?.message === 'string' ? error.message : said;
  } catch {
    // Not JSON: its words as they are.
  }
  if (hide !== undefined) said = said.replaceAll(hide, '[secret]');
  if (said === '') return '';
  return `. It says: ${said.length > LONGEST_QUOTE ? `${said.slice(0, LONGEST_QUOTE)}…` : said}`;
};
