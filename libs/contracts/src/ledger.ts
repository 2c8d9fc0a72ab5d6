import { z } from 'zod';
import { ClaimCheck } from './claim-check';
import { Answer } from './json';
import { Request } from './request';

/**
 * accepted → queued → active → answered
 *                        ├→ waiting (retry or not now) → active
 *                        ├→ rerouting → queued (a fallback)
 *                        └→ dead-lettered → redriving → queued, or discarded
 */
export const RequestState = z.enum([
  'accepted', 'queued', 'active', 'waiting', 'rerouting', 'answered', 'dead-lettered', 'redriving', 'discarded',
]);
export type RequestState = z.output<typeof RequestState>;

export const isSettled = (state: RequestState): boolean => ['answered', 'dead-lettered', 'discarded'].includes(state);

/** One step of a message's way. */
export const TrailStep = z.object({
  at: z.number().describe('epoch ms'),
  step: z.enum(['accepted', 'routed', 'passed-over', 'held', 'started', 'answered', 'retry', 'postponed', 'failed', 'unknown', 'rerouted', 'dead-lettered', 'redriven', 'discarded', 'interrupted', 'expired']),
  platform: z.string().optional(),
  instance: z.string().optional(),
  attempt: z.number().optional(),
  rule: z.string().optional(),
  code: z.string().optional(),
  message: z.string().optional(),
  platformMs: z.number().optional(),
});
export type TrailStep = z.output<typeof TrailStep>;

/** All that is known of one request. */
export const RequestRecord = z.object({
  id: z.string(),
  state: RequestState,
  request: Request,
  platform: z.string().optional(),
  instance: z.string().optional(),
  answer: Answer.optional(),
  answerClaimCheck: ClaimCheck.optional().describe('`answer` is only the beginning, since the whole is no longer kept'),
  queuedMs: z.number().optional(),
  platformMs: z.number().optional(),
  code: z.string().optional(),
  reason: z.string().optional(),
  settledAt: z.number().optional(),
  trail: z.array(TrailStep),
});
export type RequestRecord = z.output<typeof RequestRecord>;
