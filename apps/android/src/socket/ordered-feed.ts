import type { HistoryItem } from '../messages/history-item';

interface FeedPorts {
  /** Items after a position, oldest first. */
  read(after: number): Promise<HistoryItem[]>;
  /** Sends at once. */
  send(item: HistoryItem): void;
  /** Sends and resolves when there is room for more. */
  sendPaced(item: HistoryItem): Promise<void>;
  /** The history could not be read: nothing may be left out, so the feed is at its end. */
  broken(error: unknown): void;
}

/**
 * Brings one socket everything after a position: in order, without a gap and each item once, whether it was missed, arrives
 * live, or arrives live while what was missed is still being sent. Live items may come late, double, out of order or not at
 * all; what does not follow directly is read from the history.
 */
export class OrderedFeed {
  private cursor = 0;
  /** Nothing up to here was sent over this socket. */
  private begin = 0;
  private state: 'waiting' | 'open' | 'stopped' = 'waiting';
  private pumping = false;
  private behind = false;

  constructor(private readonly ports: FeedPorts) {}

  get isOpen(): boolean {
    return this.state === 'open';
  }

  /** Begins after `position`. */
  open(position: number) {
    if (this.state !== 'waiting') return;
    this.state = 'open';
    this.begin = this.cursor = position;
    this.catchUp();
  }

  /** A live item. */
  offer(item: HistoryItem) {
    if (this.state !== 'open' || item.position <= this.cursor) return;
    if (this.pumping || item.position !== this.cursor + 1) return this.catchUp();
    this.cursor = item.position;
    this.ports.send(item);
  }

  /** Live items may have been lost. */
  catchUp() {
    this.behind = true;
    if (this.state === 'open' && !this.pumping) void this.pump();
  }

  /** The phone names an earlier position when the feed runs already: what lies before its beginning is sent, and nothing twice. */
  async goBack(position: number) {
    const end = this.begin;
    if (this.state !== 'open' || position >= end) return;
    this.begin = position;
    try {
      const missed = await this.ports.read(position);
      for (const item of missed) if (item.position <= end && this.isOpen) await this.ports.sendPaced(item);
    } catch (error) {
      this.break(error);
    }
  }

  stop() {
    this.state = 'stopped';
  }

  private async pump() {
    this.pumping = true;
    try {
      while (this.behind && this.isOpen) {
        this.behind = false;
        for (const item of await this.ports.read(this.cursor)) {
          if (!this.isOpen) return;
          this.cursor = item.position;
          await this.ports.sendPaced(item);
        }
      }
    } catch (error) {
      this.break(error);
    } finally {
      this.pumping = false;
    }
  }

  private break(error: unknown) {
    if (!this.isOpen) return;
    this.stop();
    this.ports.broken(error);
  }
}
