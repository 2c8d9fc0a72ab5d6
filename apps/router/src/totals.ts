import type { ReplyInbox } from '@conductor/bus';
import type { RedisConnections } from '@conductor/connections';

const FLUSH_MS = 1_000;

/** Counts what all routers have carried, over restarts. Added up here and written once a second. */
export class Totals {
  private answered = 0;
  private failedAttempts = 0;
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly connections: RedisConnections,
    inbox: ReplyInbox,
  ) {
    inbox.observe(({ outcome }) => {
      if (outcome.result === 'done') this.answered++;
      else if (outcome.result !== 'not-now') this.failedAttempts++;
    });
    this.timer = setInterval(() => void this.flush(), FLUSH_MS).unref();
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.flush();
  }

  private async flush() {
    const { answered, failedAttempts } = this;
    if (answered + failedAttempts === 0) return;
    const key = `${this.connections.namespace}:totals`;
    try {
      await Promise.all([this.connections.commands.hincrby(key, 'answered', answered), this.connections.commands.hincrby(key, 'failedAttempts', failedAttempts)]);
      this.answered -= answered;
      this.failedAttempts -= failedAttempts;
    } catch {
      // Redis is away; the numbers stay here and are written with the next ones.
    }
  }
}
