import { z } from 'zod';

/** Every code a caller may meet, with its HTTP status and title. Codes are stable; texts are not. */
export const problems = {
  'invalid-request': [400, 'The request is not valid'],
  'invalid-json': [400, 'The body is not valid JSON'],
  'unauthenticated': [401, 'A key is needed'],
  'forbidden': [403, 'This key may not do that'],
  'not-found': [404, 'Not found'],
  'method-not-allowed': [405, 'This path does not take that method'],
  'request-timeout': [408, 'The request took too long to arrive'],
  'id-conflict': [409, 'This id belongs to another message'],
  'conflict': [409, 'The present state does not allow that'],
  'body-too-large': [413, 'The body is too large'],
  'unsupported-media-type': [415, 'The body must be JSON'],
  'misdirected-request': [421, 'This host is not served here'],
  'upgrade-required': [426, 'This path is for WebSockets'],
  'unknown-platform': [422, 'There is no such platform'],
  'no-route': [422, 'No route leads anywhere'],
  'idempotency-key-reused': [422, 'This idempotency key belongs to another message'],
  'plugin-busy': [409, 'Another change of this plugin is under way'],
  'plugin-not-approved': [409, 'Nobody approved this version of the plugin'],
  'plugin-changed': [409, 'The plugin is not what was looked at'],
  'plugin-conflict': [409, 'The plugins do not go together'],
  'plugin-needed': [409, 'Another plugin needs this one'],
  'swap-resolve-failed': [409, 'Swap refused at resolve: the versions do not go together'],
  'swap-scan-failed': [409, 'Swap refused at scan: this version may not run'],
  'swap-start-failed': [422, 'Swap stopped at start: the new version does not come up'],
  'swap-health-failed': [422, 'Swap stopped at health: the new version is not well'],
  'swap-canary-failed': [422, 'Swap stopped at canary: the new version fails messages'],
  'swap-switch-failed': [500, 'Swap stopped at switch'],
  'swap-hand-over-failed': [422, 'Swap stopped at hand-over: the old session was taken up again'],
  'plugin-start-failed': [422, 'The plugin does not start'],
  'plugin-refused': [422, 'The plugin is refused'],
  'invalid-rule': [422, 'The route rule cannot be used'],
  'rejected': [422, 'The platform refuses this message'],
  'locked-out': [429, 'Too many failed attempts'],
  'quota-exceeded': [429, 'Too much of this sender waits'],
  'rate-limited': [429, 'Too many requests'],
  'headers-too-large': [431, 'The headers are too large'],
  'internal': [500, 'Something went wrong here'],
  'outcome-unknown': [502, 'It is not known whether the platform carried it out'],
  'delivery-failed': [502, 'The platform failed the message'],
  'platform-unavailable': [503, 'The platform is not available'],
  'redis-unavailable': [503, 'The message store is not reachable'],
  'storage-unavailable': [503, 'The disk or the database takes nothing at the moment'],
  'no-plugin-host': [503, 'No plugin-host is running'],
  'platform-full': [503, 'Too much waits for this platform'],
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
