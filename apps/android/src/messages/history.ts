import type { AndroidConfig } from '../android-config';
import type { PlatformSlot } from '../platform-slot';
import type { HistoryEntry, HistoryItem } from './history-item';

/** Which user a message was kept for, and where; without a position the keeping was begun and its end is not known. */
interface Mark {
  user: string;
  position?: number;
}

/** Everything that was sent to a user's phones, in order. */
export class History {
  constructor(
    private readonly slot: PlatformSlot,
    private readonly config: AndroidConfig,
  ) {}

  /** Adds an entry, unless it was added before. */
  async keep(user: string, entry: HistoryEntry): Promise<HistoryItem> {
    const { storage } = this.slot;
    const mark = markOf(entry.id);
    const before = await storage.get<Mark>(mark);
    const known = before && (before.position ?? (await this.find(user, entry.id))?.position);
    if (known === undefined && !before) await storage.set(mark, { user } satisfies Mark, this.config.rememberKeptMs);
    const position = known ?? (await storage.append(listOf(user), entry, this.config.historyEntries));
    if (before?.position === undefined) await storage.set(mark, { user, position } satisfies Mark, this.config.rememberKeptMs);
    return { ...entry, position };
  }

  /** What came after a position, oldest first. */
  async after(user: string, position: number): Promise<HistoryItem[]> {
    const entries = await this.slot.storage.after<HistoryEntry>(listOf(user), position);
    return entries.map(({ position: at, value }) => ({ ...value, position: at }));
  }

  /**
   * Where a phone goes on that has seen everything up to `seen`; where it starts, when it names nothing.
   * A position beyond the end (the store was lost and began anew) would leave the phone deaf, so it counts as the end.
   */
  async startingPoint(user: string, seen: number | undefined): Promise<number> {
    if (seen === 0) return 0;
    if (seen !== undefined && (await this.after(user, seen - 1)).length > 0) return seen;
    return (await this.after(user, 0)).at(-1)?.position ?? 0;
  }

  async answerTo(user: string, id: string): Promise<HistoryItem | undefined> {
    const returned = (await this.after(user, 0)).filter((item) => item.inReplyTo === id);
    return returned.find(({ kind }) => kind === 'answer') ?? returned[0];
  }

  /** Whether this message was sent to this user. */
  async holds(user: string, id: string): Promise<boolean> {
    return (await this.slot.storage.get<Mark>(markOf(id)))?.user === user;
  }

  private async find(user: string, id: string): Promise<HistoryItem | undefined> {
    return (await this.after(user, 0)).find((item) => item.id === id);
  }
}

const markOf = (id: string) => `kept:${id}`;
/** Encoded, so that no user's name can reach into another's list. */
const listOf = (user: string) => `history:${encodeURIComponent(user)}`;
