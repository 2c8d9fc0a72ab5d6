import { z } from 'zod';
import { PlatformName } from './names';
import { defineQueue } from './queue-contract';
import { Request } from './request';

/** One message on its way to one platform. */
export const Delivery = z.object({
  request: Request,
  platform: PlatformName,
  /** 1 for the first; grows with each retry, not with postponements. */
  attempt: z.int().min(1),
  /** Platforms still to be tried, in order, should this one fail for good. */
  fallbacks: z.array(PlatformName),
  /** Platforms that failed this message already. */
  tried: z.array(PlatformName),
  /** Inbox of the router that sent it: it learns the outcome, for its breaker and for whoever waits there. */
  inbox: z.string(),
  /** Epoch milliseconds at which it was put on the queue. */
  dispatchedAt: z.number(),
  /**
   * First steps of a message that nobody can have asked for yet, each a line of JSON (`TrailStep`): whoever takes it up writes it down
   * with them, as they are.
   */
  unwritten: z.string().optional(),
});
export type Delivery = z.output<typeof Delivery>;

/**
 * One job of a platform's queue: messages that arrived in the same moment and travel together, because a queue job costs
 * more than a message (docs/adr/0002). Each is run, answered, retried and dead-lettered on its own.
 */
export const Parcel = z.object({ deliveries: z.array(Delivery).min(1) });
export type Parcel = z.output<typeof Parcel>;

/** Router → all instances of one platform, which compete for it. A slow platform delays only itself. */
export const platformQueue = (platform: string) => defineQueue({ name: `platform.${platform}`, data: Parcel });
