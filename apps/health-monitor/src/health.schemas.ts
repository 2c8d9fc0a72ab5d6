import { PlatformState } from '@conductor/contracts';
import { Problem } from '@conductor/http';
import { z } from 'zod';

export const AllHealth = z.object({ platforms: z.array(PlatformState).describe('sorted by name') });
export type AllHealth = z.output<typeof AllHealth>;

/** `1764000000000` or `2026-11-24T10:00:00Z` */
const Moment = z.union([z.coerce.number().int().min(0), z.iso.datetime({ offset: true }).transform((text) => Date.parse(text))]).describe('epoch milliseconds, or ISO 8601');

export const HistoryParameters = z.strictObject({
  from: Moment.optional().describe('default: an hour before `to`'),
  to: Moment.optional().describe('default: now'),
  resolution: z.enum(['raw', 'hour', 'auto']).default('auto').describe('`auto`: single checks for up to 6 hours, hours beyond'),
  limit: z.coerce.number().int().min(1).max(10_000).default(1_000).describe('so many points at most, the newest'),
});
export type HistoryParameters = z.output<typeof HistoryParameters>;

const HOUR_MS = 3_600_000;

/** @throws Problem when it ends before it begins */
export const rangeOf = ({ from, to }: Pick<HistoryParameters, 'from' | 'to'>, now: number): { from: number; to: number } => {
  const end = to ?? now;
  const start = from ?? end - HOUR_MS;
  if (start >= end) throw new Problem('invalid-request', '`from` must lie before `to`.', { errors: [{ field: 'from', message: 'must lie before `to`' }] });
  return { from: start, to: end };
};

const CheckPoint = z.object({
  timestamp: z.int(),
  platformName: z.string(),
  instanceId: z.string(),
  state: z.string(),
  responseTimeMs: z.number().nullable(),
  errorCount: z.int(),
  requestCount: z.int(),
  resourceUsageMb: z.number().nullable(),
});

const HourPoint = z.object({
  hour: z.int(),
  checks: z.int(),
  unhealthyChecks: z.int(),
  responseTimeMs: z.object({ avg: z.number().nullable(), max: z.number().nullable(), p95: z.number().nullable() }),
  errorCount: z.int(),
  requestCount: z.int(),
  resourceUsageMb: z.object({ avg: z.number().nullable(), max: z.number().nullable() }),
});

const range = { platform: z.string(), from: z.int(), to: z.int(), truncated: z.boolean().describe('the range has older points beyond the limit') };

export const HistoryAnswer = z.discriminatedUnion('resolution', [
  z.object({ ...range, resolution: z.literal('raw'), points: z.array(CheckPoint) }),
  z.object({ ...range, resolution: z.literal('hour'), points: z.array(HourPoint) }),
]);
export type HistoryAnswer = z.output<typeof HistoryAnswer>;
