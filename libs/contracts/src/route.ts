import { z } from 'zod';
import { Kind, PlatformName } from './names';

const Day = z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']);
const ClockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time is HH:MM, 00:00 to 23:59');

/** A window of the week. `from` later than `to` spans midnight; both alike are a whole day from then on. */
export const TimeWindow = z.strictObject({
  days: z.array(Day).min(1).optional(),
  from: ClockTime.optional(),
  to: ClockTime.optional(),
  timezone: z.string().default('UTC').describe('IANA name, e.g. Europe/Berlin'),
});
export type TimeWindow = z.output<typeof TimeWindow>;

/** All that is given must hold; an empty match takes everything. */
export const RouteMatch = z.strictObject({
  source: z.array(PlatformName).min(1).optional(),
  kind: z.array(Kind).min(1).optional(),
  user: z.array(z.string()).min(1).optional(),
  content: z.string().min(1).max(1_000).optional().describe('RE2 regular expression, searched in the text of the content'),
  time: TimeWindow.optional(),
});
export type RouteMatch = z.output<typeof RouteMatch>;

/** Rules are asked in order; the first that matches names target and fallbacks. */
export const RouteRule = z.strictObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'a rule id is lower case letters, digits, dots and dashes'),
  description: z.string().optional(),
  match: RouteMatch.default({}),
  target: PlatformName,
  fallbacks: z.array(PlatformName).default([]),
});
export type RouteRule = z.output<typeof RouteRule>;

export const RouteTable = z
  .array(RouteRule)
  .refine((rules) => new Set(rules.map((rule) => rule.id)).size === rules.length, 'two rules have the same id');

/** Answer of `POST /v1/routes/explain`. */
export const RouteExplanation = z.object({
  rule: z.string().describe('the rule that wins; `explicit-target` or `default` where no rule decides'),
  target: z.string().optional(),
  fallbacks: z.array(z.string()),
  notMatched: z.array(z.object({ rule: z.string(), why: z.string() })).describe('every rule that did not win, and why'),
  candidates: z.array(
    z.object({
      platform: z.string(),
      state: z.string(),
      reason: z.string(),
      breaker: z.string(),
      available: z.boolean(),
      why: z.string(),
    }),
  ),
  decision: z.object({ platform: z.string().optional(), why: z.string() }).describe('what would happen to the request now'),
});
export type RouteExplanation = z.output<typeof RouteExplanation>;
