const INT32_MAX = 2 ** 31 - 1;

/** The nearest whole number that an `integer` column holds; `fallback` for what is no number. */
export const toInteger = <F>(value: number | null | undefined, fallback: F): number | F =>
  typeof value === 'number' && Number.isFinite(value)
    ? Math.max(-INT32_MAX, Math.min(INT32_MAX, Math.round(value)))
    : fallback;

export const toFloat = (value: number | null | undefined): number | null =>
  typeof value === 'number' && Number.isFinite(value) ? value : null;

export const toEpochMs = (value: number): number => (Number.isFinite(value) ? Math.round(value) : Date.now());

/** PostgreSQL's text cannot hold U+0000. */
export const toText = (value: unknown, maxLength = 4000): string =>
  String(value).slice(0, maxLength).replaceAll('\0', '');
