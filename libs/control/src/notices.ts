import { asRedisUnavailable, type RedisConnections } from '@conductor/connections';
import { ControlNotice } from '@conductor/contracts';
import type { Logger } from '@conductor/observability';

type NoticeOf<T extends ControlNotice['type']> = Extract<ControlNotice, { type: T }>;

/** Announcements between apps: one Redis channel, heard by all. A lost one heals, since every store is also re-read. */
export class Notices {
  private readonly channel: string;
  private readonly handlers: Array<(notice: ControlNotice) => void> = [];

  constructor(
    private readonly connections: RedisConnections,
    private readonly logger: Logger,
  ) {
    this.channel = `${connections.namespace}:notices`;
  }

  async open(): Promise<void> {
    this.connections.subscriber.on('message', this.receive);
    await this.connections.subscriber.subscribe(this.channel);
  }

  /** @throws RedisUnavailable */
  async publish(notice: ControlNotice): Promise<void> {
    try {
      await this.connections.commands.publish(this.channel, JSON.stringify(notice));
    } catch (error) {
      throw asRedisUnavailable(error);
    }
  }

  /** Calls `handler` for every notice of one type. @returns a function that ends it */
  on<T extends ControlNotice['type']>(type: T, handler: (notice: NoticeOf<T>) => void): () => void {
    return this.onAny((notice) => {
      if (notice.type === type) handler(notice as NoticeOf<T>);
    });
  }

  onAny(handler: (notice: ControlNotice) => void): () => void {
    this.handlers.push(handler);
    return () => void this.handlers.splice(this.handlers.indexOf(handler), 1);
  }

  async close(): Promise<void> {
    this.connections.subscriber.off('message', this.receive);
    if (this.connections.subscriber.status === 'ready') await this.connections.subscriber.unsubscribe(this.channel);
  }

  private readonly receive = (channel: string, text: string) => {
    if (channel !== this.channel) return;
    const notice = ControlNotice.safeParse(parsed(text));
    if (!notice.success) return this.logger.warn({ reason: notice.error.message }, 'a notice of unknown shape is ignored');
    for (const handler of [...this.handlers]) handler(notice.data);
  };
}

/** What is no JSON is no notice. */
const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
