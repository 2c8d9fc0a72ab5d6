import type { ProblemDocument } from '@conductor/contracts';

/** What a door said. `body` is JSON where it was JSON, else the text. */
export interface Said<T = Record<string, unknown>> {
  status: number;
  headers: Headers;
  body: T & Partial<ProblemDocument>;
  /** Milliseconds until the whole answer was there. */
  ms: number;
}

export interface Call {
  method?: string;
  body?: unknown;
  /** Goes into `Authorization`; `null` sends none. */
  key?: string | null | undefined;
  headers?: Record<string, string>;
  timeoutMs?: number;
}

/** Longer than any deadline a journey uses: a door that takes longer hangs. */
const HANGS_AFTER_MS = 20_000;

/** One HTTP call, as a program from outside would make it. Rejects when the door is not there or hangs. */
export const call = async <T = Record<string, unknown>>(url: string, { method = 'GET', body, key, headers = {}, timeoutMs = HANGS_AFTER_MS }: Call = {}): Promise<Said<T>> => {
  const startedAt = performance.now();
  const response = await fetch(url, {
    method,
    redirect: 'manual',
    signal: AbortSignal.timeout(timeoutMs),
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...(key && { authorization: `Bearer ${key}` }), ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: parsed(text) as Said<T>['body'], ms: performance.now() - startedAt };
};

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};
