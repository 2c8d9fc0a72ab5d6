import { ForeignId, type ProblemCode, RequestId } from '@conductor/contracts';
import { z } from 'zod';
import { PhoneMessage } from '../messages/message-intake';
import type { HistoryItem } from '../messages/history-item';
import type { ReceiptKind } from '../messages/receipts';

export const Position = z.int().min(0);

/** What a phone may send over its socket, as JSON text. */
export const PhoneFrame = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('login'), accessToken: z.string().min(1).max(256), after: Position.optional() }),
  z.strictObject({ type: z.literal('resume'), after: Position }),
  PhoneMessage.extend({ type: z.literal('message') }),
  z.strictObject({ type: z.literal('typing'), conversation: ForeignId.optional() }),
  z.strictObject({ type: z.literal('delivered'), id: RequestId }),
  z.strictObject({ type: z.literal('read'), id: RequestId }),
  z.strictObject({ type: z.literal('ping') }),
]);
export type PhoneFrame = z.output<typeof PhoneFrame>;

/** What a phone gets. */
export type ServerFrame =
  /** The token was taken; whatever was missed after `position` comes next, then live messages. */
  | { type: 'ready'; user: string; deviceId: string; position: number }
  | HistoryItem
  | { type: 'accepted'; id: string }
  | { type: 'rejected'; id?: string; code: ProblemCode; detail: string; retryAfterSeconds?: number }
  /** Another device of the user has got or read a message. */
  | { type: 'receipt'; id: string; receipt: ReceiptKind; deviceId: string; at: number }
  /** The user is typing on another device. */
  | { type: 'typing'; conversation: string; deviceId: string }
  | { type: 'pong' };

/** Close codes: 4401 is ours, the others are registered for WebSocket. */
export const closeCodes = {
  unauthenticated: 4401,
  restarting: 1012,
  tryLater: 1013,
} as const;
