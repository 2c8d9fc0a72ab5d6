import { randomUUID } from 'node:crypto';

let lastMs = 0;
let counter = 0;

/**
 * A UUID version 7 with a counter (RFC 9562, method 1): unique without asking anyone, and growing within this process, so
 * that rows made one after the other lie side by side in the index and what happened in one millisecond keeps its order.
 * Node's own version 7 is random within a millisecond.
 */
export const newRowId = (): string => {
  const now = Date.now();
  if (now > lastMs) [lastMs, counter] = [now, 0];
  else if (counter === 0xfff) [lastMs, counter] = [lastMs + 1, 0];
  else counter += 1;
  const time = lastMs.toString(16).padStart(12, '0');
  const variantAndRandom = randomUUID().slice(19);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${counter.toString(16).padStart(3, '0')}-${variantAndRandom}`;
};
