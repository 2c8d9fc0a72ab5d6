import { ControlNotice, type ProcessState } from '@conductor/contracts';
import { Redis } from 'ioredis';
import type { Logger } from 'pino';

/**
 * Tells the rest of the system through Redis what each process is doing, and hears when a person wants one started.
 * What Redis misses while it is away is told again when it is back.
 */
export class Announcer {
  private readonly commands: Redis;
  private readonly subscriber: Redis;
  private readonly latest = new Map<string, ProcessState>();
  private readonly channel: string;
  private readonly hash: string;

  constructor(
    redisUrl: string,
    namespace: string,
    private readonly logger: Logger,
    private readonly onStartAsked: (app: string) => void,
  ) {
    this.channel = `${namespace}:notices`;
    this.hash = `${namespace}:processes`;
    const retryStrategy = (times: number) => Math.min(100 * 2 ** Math.min(times, 5), 2_000);
    this.commands = new Redis(redisUrl, { enableOfflineQueue: false, maxRetriesPerRequest: 0, commandTimeout: 3_000, retryStrategy });
    this.subscriber = new Redis(redisUrl, { maxRetriesPerRequest: null, autoResubscribe: true, retryStrategy });
    let away = false;
    this.commands.on('error', (error: Error) => {
      if (!away) this.logger.warn({ reason: error.message }, 'Redis is not reachable; trying again until it is');
      away = true;
    });
    this.subscriber.on('error', () => undefined); // the same news
    this.commands.on('ready', () => {
      away = false;
      for (const process of this.latest.values()) this.tell(process);
    });
    this.subscriber.on('message', (_channel, text) => this.hear(text));
    this.subscriber.subscribe(this.channel).catch(() => undefined);
  }

  announce(process: ProcessState): void {
    this.latest.set(process.app, process);
    if (this.commands.status === 'ready') this.tell(process);
  }

  /** Lets the last news out first. */
  async close(): Promise<void> {
    this.subscriber.disconnect();
    if (this.commands.status === 'ready') await this.commands.quit().catch(() => undefined);
    this.commands.disconnect();
  }

  private tell(process: ProcessState): void {
    const notice: ControlNotice = { type: 'process', process };
    this.commands
      .multi()
      .hset(this.hash, process.app, JSON.stringify(process))
      .publish(this.channel, JSON.stringify(notice))
      .exec()
      .catch(() => undefined); // told again on the next connect
  }

  private hear(text: string): void {
    const notice = ControlNotice.safeParse(parsed(text));
    if (notice.success && notice.data.type === 'process-start') this.onStartAsked(notice.data.app);
  }
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
