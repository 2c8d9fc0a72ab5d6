import { ControlNotice, DesiredState, Presence, type ProcessState } from '@conductor/contracts';
import { asRedisAddress } from '@conductor/config';
import { isFailover } from '@conductor/connections';
import { Redis } from 'ioredis';
import type { Logger } from 'pino';

const TELL_AGAIN_MS = 2_000;

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
    private readonly namespace: string,
    private readonly logger: Logger,
    private readonly heard: { startAsked(app: string): void; wishChanged(): void },
  ) {
    this.channel = `${namespace}:notices`;
    this.hash = `${namespace}:processes`;
    const retryStrategy = (times: number) => Math.min(100 * 2 ** Math.min(times, 5), 2_000);
    this.commands = new Redis(asRedisAddress(redisUrl), { reconnectOnError: isFailover, enableOfflineQueue: false, maxRetriesPerRequest: 0, commandTimeout: 3_000, retryStrategy });
    this.subscriber = new Redis(asRedisAddress(redisUrl), { maxRetriesPerRequest: null, autoResubscribe: true, retryStrategy });
    let away = false;
    this.commands.on('error', (error: Error) => {
      if (!away) this.logger.warn({ reason: error.message }, 'Redis is not reachable; trying again until it is');
      away = true;
    });
    this.subscriber.on('error', () => undefined); // the same news
    this.commands.on('ready', () => {
      away = false;
      for (const process of this.latest.values()) this.tell(process);
      void this.clearUp();
    });
    this.subscriber.on('message', (_channel, text) => this.hear(text));
    this.subscriber.subscribe(this.channel).catch(() => undefined);
  }

  announce(process: ProcessState): void {
    this.latest.set(process.app, process);
    if (this.commands.status === 'ready') this.tell(process);
  }

  /** Redis may have been there and refused (memory or disk full); a process that says nothing new for hours would be shown wrongly till then. */
  private tellAgainLater(process: ProcessState): void {
    setTimeout(() => this.latest.get(process.app) === process && this.commands.status === 'ready' && this.tell(process), TELL_AGAIN_MS).unref();
  }

  /** A process that is not to be shown any more. */
  forget(app: string): void {
    this.latest.delete(app);
    if (this.commands.status === 'ready') this.commands.hdel(this.hash, app).catch(() => undefined);
  }

  /** What is wanted of all platforms, and who runs them; undefined while Redis is away. What cannot be read counts as not there. */
  async readWishes(): Promise<{ desired: DesiredState[]; presences: Presence[] } | undefined> {
    if (this.commands.status !== 'ready') return undefined;
    try {
      const [desired, presences] = await Promise.all([this.commands.hvals(`${this.namespace}:desired`), this.commands.hvals(`${this.namespace}:presences`)]);
      return {
        desired: desired.flatMap((text) => DesiredState.safeParse(parsed(text)).data ?? []),
        presences: presences.flatMap((text) => Presence.safeParse(parsed(text)).data ?? []),
      };
    } catch {
      return undefined;
    }
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
      .catch(() => this.tellAgainLater(process)); // on the next connect, too
  }

  private hear(text: string): void {
    const notice = ControlNotice.safeParse(parsed(text));
    if (!notice.success) return;
    if (notice.data.type === 'process-start') this.heard.startAsked(notice.data.app);
    if (notice.data.type === 'desired') this.heard.wishChanged();
  }

  /** Further processes of an app that a launcher before this one had. */
  private async clearUp(): Promise<void> {
    const shown = await this.commands.hkeys(this.hash).catch(() => []);
    for (const app of shown) if (app.includes('#') && !this.latest.has(app)) this.forget(app);
  }
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
