/** Bytes that travel together at most: a job, a call of the ledger, a publish. Redis has one thread, and answers nobody while it takes one. */
export const MAX_GROUP_BYTES = 256 * 1_024;

/** Shorter strings count as one byte a character: looking closer would cost more than it tells. */
const LOOKED_AT_CHARACTERS = 256;

/** Bytes of a string, about. */
export const textBytes = (text: string): number => (text.length < LOOKED_AT_CHARACTERS ? text.length : Buffer.byteLength(text));

/** Bytes of a value as JSON, about, without writing it: for what holds a small number of values. */
export const jsonBytes = (value: unknown): number => {
  if (typeof value === 'string') return 2 + (value.length < LOOKED_AT_CHARACTERS ? value.length : Buffer.byteLength(JSON.stringify(value)));
  if (typeof value !== 'object' || value === null) return 8;
  let bytes = 2;
  if (Array.isArray(value)) for (const inner of value) bytes += 1 + jsonBytes(inner);
  else for (const name in value) bytes += 4 + name.length + jsonBytes((value as Record<string, unknown>)[name]);
  return bytes;
};

/** What a request takes beside its content, about. */
const ENVELOPE_BYTES = 512;

/** Bytes of a message on its way, about. */
export const messageBytes = ({ content }: { content: unknown }): number => ENVELOPE_BYTES + jsonBytes(content);
