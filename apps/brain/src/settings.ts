import { ms, number } from '@conductor/config';
import { z } from 'zod';

/** What the brain can be told. Every process loads this, to know a mistyped variable: keep it to schemas. */
export const settings = z.object({
  BRAIN_URL: z.url().optional().describe('OpenAI-compatible endpoint, e.g. http://127.0.0.1:11434/v1; without it an echo answers'),
  BRAIN_MODEL: z.string().default('default').describe('model name sent to that endpoint'),
  BRAIN_API_KEY: z.string().trim().regex(/^[\x21-\x7e]*$/, 'holds a character that no key has: a line break, a space, or one that cannot be seen; copy it anew').optional().describe('bearer key for that endpoint'),
  BRAIN_TIMEOUT_MS: ms(30_000).describe('time one answer may take'),
  BRAIN_CONCURRENCY: number().int().min(1).max(64).default(2).describe('answers computed at the same time'),
  BRAIN_SYSTEM_PROMPT: z.string().optional().describe('first message of every conversation'),
});
