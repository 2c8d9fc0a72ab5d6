import { z } from 'zod';
import { type Answer, type Content, textOf } from './json';

/**
 * A content or an answer that is too large to travel along lies beside the queue; this stands for it. What travels in its place is its
 * beginning.
 */
export const ClaimCheck = z.object({
  bytes: z.int().describe('of the whole, as JSON'),
  digest: z.string().describe('of the whole'),
});
export type ClaimCheck = z.output<typeof ClaimCheck>;

/** So much of a text travels along, and is what patterns of route rules are searched in. */
export const EXTRACT_CHARACTERS = 16_384;

/** What travels in the place of a content that is too large. */
export const extractOf = <T extends Content | Answer>(content: T): T => {
  // Not within a character, of which half would be no text.
  const text = textOf(content).slice(0, EXTRACT_CHARACTERS).replace(/[\uD800-\uDBFF]$/, '');
  return (typeof content === 'string' ? text : text === '' ? {} : { text }) as T;
};
