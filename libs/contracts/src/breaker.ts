import { z } from 'zod';

export const BreakerPosition = z.enum(['closed', 'open', 'half-open']);
export type BreakerPosition = z.output<typeof BreakerPosition>;

/** One circuit breaker of one router: it guards one operation of one platform. */
export const BreakerState = z.object({
  platform: z.string(),
  operation: z.string(),
  router: z.string(),
  position: BreakerPosition,
  forced: z.enum(['open', 'closed']).optional(),
  reason: z.string(),
  since: z.number(),
  /** Epoch ms of the next probe, when open. */
  retryAt: z.number().optional(),
  /** How often it has opened without having stayed closed in between. */
  openings: z.int(),
  /** When the router last showed it (epoch ms). */
  at: z.number(),
});
export type BreakerState = z.output<typeof BreakerState>;
