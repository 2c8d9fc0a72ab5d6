import { createHash, randomUUID } from 'node:crypto';
import { ChosenId, type Content, ForeignId, GivenContent, MAX_DEADLINE_MS, textOf } from '@conductor/contracts';
import { QuotaExceeded } from '@conductor/bus';
import { Problem, quotaProblem } from '@conductor/http';
import { z } from 'zod';
import type { AndroidConfig } from '../android-config';
import type { Phone } from '../devices/sessions';
import type { PlatformSlot } from '../platform-slot';
import type { AnswerWaiters } from './answer-waiters';
import type { History } from './history';
import type { HistoryItem } from './history-item';
import type { RateLimit } from './rate-limit';

/** Every user has a conversation whose name begins so. */
const USER_CONVERSATION = 'android_';
export const conversationOf = (user: string) => `${USER_CONVERSATION}${user}`;

/** A phone names conversations of its own user. @throws Problem forbidden */
export const refuseForeign = (conversation: string, user: string) => {
  if (!conversation.startsWith(USER_CONVERSATION) || conversation === conversationOf(user)) return;
  throw new Problem('forbidden', `The conversation "${conversation}" is another user's. Yours is "${conversationOf(user)}"; names that do not begin with "${USER_CONVERSATION}" are free to choose.`);
};

/** What a phone sends. */
export const PhoneMessage = z.strictObject({
  id: ChosenId.optional().describe('chosen by the phone, so that sending it again is harmless; best a UUID with a letter before it'),
  content: GivenContent,
  conversation: ForeignId.optional().describe('`android_<user>` when not given'),
});
export type PhoneMessage = z.output<typeof PhoneMessage>;

export const WaitMs = z.int().min(1).max(MAX_DEADLINE_MS);

/** What a user sent under an id. `kept` once it is safely on its way. */
interface Sent {
  hash: string;
  kept: boolean;
}

/** The way of a message from a phone into the Conductor. */
export class MessageIntake {
  constructor(
    private readonly slot: PlatformSlot,
    private readonly rateLimit: RateLimit,
    private readonly history: History,
    private readonly waiters: AnswerWaiters,
    private readonly config: AndroidConfig,
  ) {}

  /**
   * Brings a message in; it is safely kept when the promise resolves. A second arrival of the same message changes nothing
   * and does not count against the limit.
   * @throws Problem forbidden for a conversation of another user, rate-limited, quota-exceeded, id-conflict, platform-unavailable; RedisUnavailable
   */
  async send({ user }: Phone, { id = `m-${randomUUID()}`, content, conversation = conversationOf(user) }: PhoneMessage): Promise<{ id: string }> {
    const { platform } = this.slot;
    const { storage } = platform;
    refuseForeign(conversation, user);
    const key = `sent:${encodeURIComponent(user)}:${id}`;
    const sent: Sent = { hash: fingerprint(content, conversation), kept: false };
    const before = await storage.get<Sent>(key);
    if (before && before.hash !== sent.hash) throw new Problem('id-conflict', `The id ${id} belongs to another message of yours; take a new one.`);
    if (before?.kept) return { id };

    const giveBack = await this.rateLimit.take(user);
    try {
      await storage.set(key, sent, this.config.rememberSentMs);
      await platform.emit({ id, user, conversation, kind: 'message', content }, { provenUser: user });
    } catch (error) {
      await giveBack().catch(() => {});
      throw error instanceof QuotaExceeded ? quotaProblem(error) : error;
    }
    platform.metrics.count('messages_in');
    // Should this fail, the message comes in a second time when the phone repeats it, and the routers recognise the id.
    await storage.set(key, { ...sent, kept: true }, this.config.rememberSentMs).catch(() => {});
    return { id };
  }

  /**
   * Brings a message in and waits for its answer. @throws what `send` throws, and Problem deadline-exceeded when none came in
   * time: the answer still goes to the sockets and into the history
   */
  async ask(phone: Phone, message: PhoneMessage, deadlineMs = this.config.answerDeadlineMs): Promise<HistoryItem> {
    const { id } = await this.send(phone, message);
    const waiting = this.waiters.wait(phone.user, id, deadlineMs);
    // It may be there already: a repeated message, or a fast answer.
    const there = await this.history.answerTo(phone.user, id).catch(() => undefined);
    if (there) this.waiters.settle(phone.user, there);
    const waited = await waiting;
    switch (waited.end) {
      case 'answer':
        return answered(waited.answer);
      case 'closed':
        throw new Problem('platform-unavailable', 'The message was accepted, but the platform stops here. The answer will be in the history and go to open sockets.', { request: { id, state: 'accepted' }, retryAfterSeconds: 5 });
      case 'late': {
        // A push may have been lost; the history is not.
        const kept = await this.history.answerTo(phone.user, id);
        if (kept) return answered(kept);
        throw new Problem('deadline-exceeded', `No answer came within ${deadlineMs} ms. The message was accepted; its answer will be in the history and go to open sockets.`, { request: { id, state: 'accepted' } });
      }
    }
  }
}

/** What comes back may be the word that no answer will. @throws Problem */
const answered = (item: HistoryItem): HistoryItem => {
  if (item.kind !== 'failure') return item;
  throw new Problem('delivery-failed', `${textOf(item.content)}. An operator can have it sent again.`, { request: { id: item.inReplyTo ?? item.id, state: 'dead-lettered' } });
};

const fingerprint = (content: Content, conversation: string) => createHash('sha256').update(JSON.stringify([content, conversation])).digest('base64url');
