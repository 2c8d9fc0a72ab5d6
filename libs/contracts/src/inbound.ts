import { z } from 'zod';
import { ClaimCheck } from './claim-check';
import { Answer } from './json';
import { PlatformName } from './names';
import { defineQueue } from './queue-contract';
import { Request } from './request';

/** What the routers take from the inbound queue. */
export const InboundItem = z.discriminatedUnion('type', [
  /** An adapter brings a message in. */
  z.object({ type: z.literal('request'), request: Request }),
  /** A platform has answered a message whose sender wants the answer as a message. */
  z.object({ type: z.literal('answer'), request: Request, answer: Answer, claimCheck: ClaimCheck.optional() }),
  /** A platform failed a message for good and other platforms are left to try. */
  z.object({
    type: z.literal('reroute'),
    request: Request,
    fallbacks: z.array(PlatformName).min(1),
    tried: z.array(PlatformName),
  }),
  /** A message whose sender wants the answer as a message was given up: the sender is told. */
  z.object({ type: z.literal('failed'), request: Request, code: z.string(), reason: z.string() }),
  /** No candidate could take a message that may wait; now they are asked again. */
  z.object({ type: z.literal('held'), request: Request, candidates: z.array(PlatformName).min(1) }),
  /** An operator wants a dead letter sent again, to `to` or to where it was going. */
  z.object({ type: z.literal('redrive'), request: Request, to: PlatformName.optional(), task: z.string() }),
]);
export type InboundItem = z.output<typeof InboundItem>;

/** Adapters and conductor → routers. Items that arrive in the same moment travel as one job. */
export const inboundQueue = defineQueue({ name: 'inbound', data: z.object({ items: z.array(InboundItem).min(1) }) });
