import { z } from 'zod';
import { Answer } from './json';
import { Outcome } from './outcome';

/** What an inbox receives about one message. `final` tells whether more will come. */
export const Reply = z.object({
  id: z.string(),
  platform: z.string(),
  instance: z.string(),
  kind: z.string(),
  /** How the attempt ended. An answer is left out where nobody waits for it. */
  outcome: Outcome,
  /** The state in which the message now is (see `RequestState`). */
  state: z.string(),
  final: z.boolean(),
  /** Milliseconds between being put on the queue and being started. */
  queuedMs: z.number(),
  /** Milliseconds the platform itself took. */
  platformMs: z.number(),
});
export type Reply = z.output<typeof Reply>;

/** The body of an answered request. */
export const Answered = z.object({
  id: z.string(),
  status: z.literal('answered'),
  platform: z.string(),
  instance: z.string(),
  answer: Answer,
  timings: z.object({
    queuedMs: z.number().describe('waiting in the platform queue'),
    platformMs: z.number().describe('the platform itself'),
    overheadMs: z.number().describe('the whole time minus the platform’s own'),
  }),
});
export type Answered = z.output<typeof Answered>;

export const Accepted = z.object({ id: z.string(), status: z.string() });
export type Accepted = z.output<typeof Accepted>;
