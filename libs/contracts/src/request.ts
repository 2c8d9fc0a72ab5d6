import { z } from 'zod';
import { ClaimCheck } from './claim-check';
import { Content, GivenContent } from './json';
import { ChosenId, ForeignId, Kind, PlatformName, RequestId } from './names';

export const DEFAULT_DEADLINE_MS = 5_000;
export const MAX_DEADLINE_MS = 120_000;

/** What a caller says, by REST or on the inbound queue. */
export const RequestInput = z.strictObject({
  id: ChosenId.optional().describe('Chosen by the caller to make a repeated call harmless; otherwise made here.'),
  target: PlatformName.optional().describe('The platform to go to. Without it the route rules decide.'),
  source: PlatformName.optional().describe('The platform or application the message comes from.'),
  user: ForeignId.optional(),
  conversation: ForeignId.optional(),
  kind: Kind,
  content: GivenContent,
  idempotencyKey: z.string().min(1).max(256).optional().describe('A second request of the same source with this key gets the answer of the first.'),
  deadlineMs: z.int().min(1).max(MAX_DEADLINE_MS).default(DEFAULT_DEADLINE_MS).describe('Milliseconds the caller waits for the answer. With `acceptance` nobody waits: the platform’s own time-out holds.'),
  waitFor: z.enum(['answer', 'acceptance']).default('answer').describe('`acceptance`: 202 as soon as the message is safely kept, and it may wait for its platform.'),
}).meta({ example: { kind: 'message', content: 'Hello!' } });
export type RequestInput = z.input<typeof RequestInput>;

/** Where the answer is wanted: in the inbox of a waiting process, or as a message to a platform. */
export const ReplyTo = z.union([
  z.strictObject({ inbox: z.string() }),
  z.strictObject({ platform: PlatformName }),
]);
export type ReplyTo = z.output<typeof ReplyTo>;

/** A request after it was let in: nothing is optional any more that the way ahead depends on. */
export const Request = z.object({
  id: RequestId,
  target: PlatformName.optional(),
  source: z.string(),
  /**
   * Who sent it, as its entry proved: `key/<id of the API key>`, `platform/<name>`, `plugin/<plugin>/<platform>`, and behind a
   * platform that knows its users by their credentials `…/user/<user>`. Ids that callers choose are theirs alone.
   */
  owner: z.string().optional(),
  user: ForeignId.optional(),
  conversation: ForeignId.optional(),
  kind: Kind,
  content: Content,
  /** `content` is only the beginning: this stands for the whole. */
  claimCheck: ClaimCheck.optional(),
  idempotencyKey: z.string().optional(),
  /** The caller named an id or a key and may come again under it: what is known of the message is kept longer. */
  keyed: z.boolean().optional(),
  deadlineMs: z.int().min(1).max(MAX_DEADLINE_MS),
  waitFor: z.enum(['answer', 'acceptance']),
  replyTo: ReplyTo.optional(),
  /** Id of the message that this one answers. */
  inReplyTo: RequestId.optional(),
  /** Whose quotas of what waits it was charged to: released when it is settled. */
  charged: z.object({ entry: z.string(), accounts: z.array(z.string()) }).optional(),
  /** Epoch milliseconds at which the request was received. */
  receivedAt: z.number(),
  /** Correlation id carried through logs, queues and back. */
  trace: z.string(),
});
export type Request = z.output<typeof Request>;

/** When nobody waits for the answer any more (epoch ms); undefined for messages that may wait for their platform. */
export const expiresAt = (request: Pick<Request, 'waitFor' | 'receivedAt' | 'deadlineMs'>): number | undefined =>
  request.waitFor === 'answer' ? request.receivedAt + request.deadlineMs : undefined;
