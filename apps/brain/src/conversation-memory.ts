import type { PlatformRequest, PlatformStorage } from '@conductor/platform-kit';
import { shortened } from './text';

export interface Turn {
  /** Id of the message that was answered. */
  request: string;
  question: string;
  answer: string;
}

const TURNS = 10;
/** Of all turns a model is reminded of together, so that a short context window is not filled with memories. */
const CHARACTERS = 8_000;
/** Of a question or an answer that is kept: one that comes again is answered as it was the first time. */
const KEPT_CHARACTERS = 50_000;
/** A conversation that was silent this long begins anew. */
const FORGOTTEN_AFTER_MS = 7 * 86_400_000;

/** What was said before in each conversation. */
export class ConversationMemory {
  constructor(private readonly storage: PlatformStorage) {}

  /** The latest turns, oldest first. */
  async recall(conversation: string): Promise<Turn[]> {
    const entries = await this.storage.after<Turn>(listOf(conversation), 0);
    // A message that was carried out twice may have been noted twice.
    return [...new Map(entries.map(({ value }) => [value.request, value])).values()];
  }

  async note(conversation: string, turn: Turn): Promise<void> {
    await this.storage.append(listOf(conversation), clip(turn, KEPT_CHARACTERS), TURNS, FORGOTTEN_AFTER_MS);
  }
}

/** As many of the latest turns as a model should be reminded of. */
export const recent = (turns: readonly Turn[]): Turn[] => {
  let room = CHARACTERS;
  const short = turns.map((turn) => clip(turn, CHARACTERS / 2));
  const kept = short.reverse().filter(({ question, answer }) => (room -= question.length + answer.length) >= 0);
  return kept.reverse();
};

/**
 * Conversations of different senders are strangers, even with the same name: what a message says of itself opens nobody else's. Without
 * a conversation or a user, nothing is remembered.
 */
export const conversationOf = ({ owner, source, conversation, user }: PlatformRequest): string | undefined => {
  const sender = JSON.stringify([owner ?? '', source]);
  if (conversation !== undefined) return `${sender}/conversation/${conversation}`;
  return user === undefined ? undefined : `${sender}/user/${user}`;
};

const listOf = (conversation: string) => `turns:${conversation}`;
const clip = (turn: Turn, length: number): Turn => ({ ...turn, question: shortened(turn.question, length), answer: shortened(turn.answer, length) });
