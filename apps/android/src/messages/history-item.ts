import { Content, ForeignId, Kind, RequestId } from '@conductor/contracts';
import { z } from 'zod';

/** What was sent to a user's phones, as it is kept, pushed and shown. */
export const HistoryItem = z.object({
  position: z.int().describe('grows by one with each message to this user'),
  type: z.enum(['answer', 'message']).describe('`answer` to something the user wrote, or an unasked `message`'),
  id: RequestId,
  inReplyTo: RequestId.optional(),
  kind: Kind,
  conversation: ForeignId.optional(),
  content: Content,
  at: z.number().describe('epoch ms'),
});
export type HistoryItem = z.output<typeof HistoryItem>;

/** As it lies in the storage, which knows the position. */
export type HistoryEntry = Omit<HistoryItem, 'position'>;
