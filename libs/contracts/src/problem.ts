import { z } from 'zod';

/** Every code a caller may meet, with its HTTP status and title. Codes are stable; texts are not. */
export const problems = {
  'invalid-request': [400, 'The request is not valid'],
  'invalid-json': [400, 'The body is not valid JSON'],
  'unauthenticated': [401, 'A key is needed'],
  'forbidden': [403, 'This key may not do that'],
  'not-found': [404, 'Not found'],
  'id-conflict': [409, 'This id belongs to another message'],
  'conflict': [409, 'The present state does not allow that'],
  'body-too-large': [413, 'The body is too large'],
  'unsupported-media-type': [415, 'The body must be JSON'],
  'unknown-platform': [422, 'There is no such platform'],
  'no-route': [422, 'No route leads anywhere'],
  'idempotency-key-reused': [422, 'This idempotency key belongs to another message'],
  'invalid-rule': [422, 'The route rule cannot be used'],
  'rejected': [422, 'The platform refuses this message'],
  'locked-out': [429, 'Too many failed attempts'],
  'rate-limited': [429, 'Too many requests'],
  'internal': [500, 'Something went wrong here'],
  'outcome-unknown': [502, 'It is not known whether the platform carried it out'],
  'delivery-failed': [502, 'The platform failed the message'],
  'platform-unavailable': [503, 'The platform is not available'],
  'redis-unavailable': [503, 'The message store is not reachable'],
  'overloaded': [503, 'Too much is going on'],
  'not-ready': [503, 'Not ready yet'],
  'deadline-exceeded': [504, 'No answer before the deadline'],
} as const satisfies Record<string, readonly [number, string]>;

export type ProblemCode = keyof typeof problems;

/** RFC 9457 problem document. */
export const ProblemDocument = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string().describe('what happened, why, and what to do'),
  code: z.enum(Object.keys(problems) as [ProblemCode, ...ProblemCode[]]),
  instance: z.string().optional(),
  trace: z.string().optional(),
  errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
  /** The message that the problem is about, where there is one. */
  request: z.object({ id: z.string(), state: z.string(), reason: z.string().optional() }).optional(),
});
export type ProblemDocument = z.output<typeof ProblemDocument>;
