import { z } from 'zod';
import { ClaimCheck } from './claim-check';
import { Answer } from './json';

/** Failure classes, each with its own consequence in the circuit breaker. */
export const FailureClass = z.enum(['timeout', 'error', 'rate-limit', 'credentials', 'overload', 'rejected']);
export type FailureClass = z.output<typeof FailureClass>;

const failure = { code: z.string(), message: z.string(), class: FailureClass };

/** The five ways in which one attempt ends. */
export const Outcome = z.discriminatedUnion('result', [
  z.object({ result: z.literal('done'), answer: Answer, claimCheck: ClaimCheck.optional() }),
  /** May work next time: tried again with back-off while attempts are left. */
  z.object({ result: z.literal('retry'), ...failure }),
  /** Trying again cannot help: the next fallback, or the dead letters. */
  z.object({ result: z.literal('never'), ...failure }),
  /** Nothing is wrong with the message (rate limit, suspended): it waits `delayMs` and loses no attempt. */
  z.object({ result: z.literal('not-now'), delayMs: z.number().min(0), ...failure }),
  /** It may have been carried out, nobody can tell: never repeated blindly. */
  z.object({ result: z.literal('unknown'), ...failure }),
]);
export type Outcome = z.output<typeof Outcome>;
export type Failure = Exclude<Outcome, { result: 'done' }>;
