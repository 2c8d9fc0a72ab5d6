export const REDACTED = '[redacted]';

const SECRET_WORD = /(key|keys|token|tokens|secret|secrets|password|passwords|passwd|pwd|passphrase|pin|credential|credentials|authorization|cookie|cookies|otp)$/;
/** `keyId` or `tokenCount` say something about a secret without being one. */
const HARMLESS_END = /^(id|ids|name|names|count|at|ms)$/;
const URL_CREDENTIALS = /(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi;
const BEARER = /\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]+/gi;

/**
 * A copy of `value` as plain JSON in which nothing secret is left: values under keys that look like a key, token, secret
 * or password, and credentials within addresses and authorization headers. Rather too much than too little.
 */
export const redact = (value: unknown): unknown => redactWithin(value, []);

const redactWithin = (value: unknown, path: readonly object[]): unknown => {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (path.includes(value)) return '[circular]';
  if (value instanceof Date) return value.toJSON();
  if (value instanceof Error) return redactText(`${value.name}: ${value.message}`);
  const inner = [...path, value];
  if (Array.isArray(value) || value instanceof Set) return [...value].map((item) => redactWithin(item, inner));
  const pairs = value instanceof Map ? [...value].map(([key, item]) => [String(key), item] as const) : Object.entries(value);
  return Object.fromEntries(pairs.map(([key, item]) => [key, isSecret(key) && isThere(item) ? REDACTED : redactWithin(item, inner)]));
};

/** That a secret is missing is worth knowing. */
const isThere = (value: unknown): boolean => value !== null && value !== undefined;

const redactText = (text: string): string => text.replace(URL_CREDENTIALS, `$1${REDACTED}@`).replace(BEARER, `$1 ${REDACTED}`);

/** Whether the name of a property says that its value is a secret: by its words, in whatever case they are joined. */
const isSecret = (key: string): boolean => {
  const words = key
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');
  return !HARMLESS_END.test(words.at(-1) ?? '') && words.some((word) => SECRET_WORD.test(word));
};
