import { Problem } from '@conductor/http';
import type { AndroidConfig } from '../android-config';
import type { PlatformSlot } from '../platform-slot';

const WINDOW_MS = 60_000;

/**
 * So many messages a minute and user, over all processes. Two counters stand for a sliding minute: the one before weighs as
 * much as of it still lies within, so that nobody gets double by waiting for the turn of the minute.
 */
export class RateLimit {
  constructor(
    private readonly slot: PlatformSlot,
    private readonly config: AndroidConfig,
    private readonly now: () => number = Date.now,
  ) {}

  /** Counts one message in. @returns takes it back. @throws Problem rate-limited */
  async take(user: string): Promise<() => Promise<void>> {
    const { storage } = this.slot;
    const window = Math.floor(this.now() / WINDOW_MS);
    const passed = (this.now() % WINDOW_MS) / WINDOW_MS;
    const [before = 0, current] = await Promise.all([storage.get<number>(keyOf(user, window - 1)), storage.increment(keyOf(user, window), 1, 2 * WINDOW_MS)]);
    const giveBack = async () => void (await storage.increment(keyOf(user, window), -1));
    const limit = this.config.messagesPerMinute;
    if (before * (1 - passed) + current <= limit) return giveBack;
    await giveBack();
    const waitMs = untilRoom(before, current - 1, passed, limit) * WINDOW_MS;
    throw new Problem('rate-limited', `A user may send ${limit} messages a minute.`, { retryAfterSeconds: waitMs / 1_000 });
  }
}

/** Windows until one more fits in; from then on the weighted sum is low enough. */
export const untilRoom = (before: number, current: number, passed: number, limit: number): number => {
  const shareThatFits = (old: number, fresh: number) => Math.max(0, 1 - (limit - fresh - 1) / Math.max(old, 1));
  if (current + 1 <= limit) return Math.max(0, shareThatFits(before, current) - passed);
  return 1 - passed + shareThatFits(current, 0);
};

const keyOf = (user: string, window: number) => `rate:${window}:${encodeURIComponent(user)}`;
