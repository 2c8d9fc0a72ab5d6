import { z } from 'zod';
import { TrailStep } from './ledger';
import { PlatformName, RequestId } from './names';
import { defineQueue } from './queue-contract';
import { Request } from './request';

/** A message that could not be delivered, with all that is needed to understand it and to send it again. */
export const DeadLetter = z.object({
  id: z.string().describe('the request’s id; a redriven message keeps it'),
  request: Request,
  platform: PlatformName.optional().describe('where it failed last; absent when no platform was found'),
  code: z.string().describe('stable reason code'),
  reason: z.string().describe('what happened and what to do, for a person'),
  at: z.number().describe('epoch ms'),
  by: z.string().describe('the app and instance that gave it up'),
  attempts: z.array(TrailStep),
  trace: z.string(),
});
export type DeadLetter = z.output<typeof DeadLetter>;

/** What a list of dead letters shows of one. */
export const DeadLetterSummary = DeadLetter.pick({ id: true, platform: true, code: true, reason: true, at: true, by: true, trace: true });
export type DeadLetterSummary = z.output<typeof DeadLetterSummary>;

/** Anyone → a person, who sees them on Bull Board. Nothing consumes it; a dead letter itself lies beside it. */
export const deadLetterQueue = defineQueue({ name: 'dead-letter', data: DeadLetterSummary });

/** Which dead letters are meant; what is absent does not restrict. */
export const DeadLetterFilter = z.strictObject({
  platform: PlatformName.optional(),
  code: z.string().optional(),
  olderThanMs: z.coerce.number().min(0).optional(),
  newerThanMs: z.coerce.number().min(0).optional(),
  text: z.string().min(1).optional().describe('found in the payload, the reason or an attempt, case ignored'),
});
export type DeadLetterFilter = z.output<typeof DeadLetterFilter>;

export const RedriveInput = z
  .strictObject({
    filter: DeadLetterFilter.optional(),
    ids: z.array(RequestId).min(1).max(10_000).optional(),
    to: PlatformName.optional().describe('another platform than the one it was going to'),
    dryRun: z.boolean().default(false),
    ratePerSecond: z.number().positive().max(10_000).default(100),
  })
  .refine((input) => (input.filter === undefined) !== (input.ids === undefined), {
    message: 'give either `filter` or `ids`',
    path: ['filter'],
  })
  .meta({ example: { filter: { platform: 'minecraft' }, dryRun: true } });
export type RedriveInput = z.output<typeof RedriveInput>;

/** A redrive runs as one task that can be watched and cancelled. */
export const RedriveTask = z.object({
  id: z.string(),
  state: z.enum(['running', 'done', 'cancelled', 'failed']),
  startedAt: z.number(),
  endedAt: z.number().optional(),
  to: PlatformName.optional(),
  ratePerSecond: z.number(),
  total: z.number(),
  redriven: z.number(),
  skipped: z.number().describe('answered meanwhile, or gone'),
  reason: z.string().optional(),
});
export type RedriveTask = z.output<typeof RedriveTask>;
