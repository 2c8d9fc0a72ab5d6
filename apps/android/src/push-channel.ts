import type { RedisConnections } from '@conductor/connections';
import { ForeignId, RequestId } from '@conductor/contracts';
import type { Logger } from '@conductor/observability';
import { z } from 'zod';
import { HistoryItem } from './messages/history-item';

/** What the processes of this platform tell each other, so that a user's sockets are reached wherever they are. */
export const Push = z.discriminatedUnion('type', [
  /** Something was added to a user's history. */
  z.object({ type: z.literal('kept'), user: ForeignId, item: HistoryItem }),
  /** One device of the user has got or read a message. */
  z.object({ type: z.literal('receipt'), user: ForeignId, device: z.string(), id: RequestId, receipt: z.enum(['delivered', 'read']), at: z.number() }),
  z.object({ type: z.literal('typing'), user: ForeignId, device: z.string(), conversation: ForeignId }),
  /** A device was removed, or a session ended: its sockets are closed. */
  z.object({ type: z.literal('revoked'), device: z.string().optional(), session: z.string().optional() }),
]);
export type Push = z.output<typeof Push>;

export interface PushListener {
  onPush(push: Push): void;
  /** Pushes may have been lost, and flow again from now on. */
  onRegained(): void;
}

export interface PushChannel {
  readonly isOpen: boolean;
  open(listener: PushListener): Promise<void>;
  /** Reaches the listeners of all other processes, and of this one at once. */
  publish(push: Push): Promise<void>;
  close(): Promise<void>;
}

const Envelope = z.object({ from: z.string(), push: Push });

/** Over one Redis channel. A push that gets lost is made good from the history when the connection is regained. */
export class RedisPushChannel implements PushChannel {
  private readonly channel: string;
  private listener?: PushListener;
  private subscribed = false;

  constructor(
    private readonly connections: RedisConnections,
    private readonly instance: string,
    private readonly logger: Logger,
  ) {
    this.channel = `${connections.namespace}:android:push`;
  }

  get isOpen(): boolean {
    return this.subscribed;
  }

  async open(listener: PushListener): Promise<void> {
    const { subscriber } = this.connections;
    this.listener = listener;
    subscriber.on('message', this.receive).on('ready', this.regain).on('close', this.lose);
    await subscriber.subscribe(this.channel);
    this.subscribed = true;
  }

  async publish(push: Push): Promise<void> {
    this.listener?.onPush(push);
    await this.connections.commands.publish(this.channel, JSON.stringify({ from: this.instance, push }));
  }

  async close(): Promise<void> {
    const { subscriber } = this.connections;
    delete this.listener;
    this.subscribed = false;
    subscriber.off('message', this.receive).off('ready', this.regain).off('close', this.lose);
    if (subscriber.status === 'ready') await subscriber.unsubscribe(this.channel);
  }

  private readonly receive = (channel: string, text: string) => {
    if (channel !== this.channel) return;
    const envelope = Envelope.safeParse(JSON.parse(text));
    if (!envelope.success) return this.logger.warn({ reason: z.prettifyError(envelope.error) }, 'a push of unknown shape is ignored');
    if (envelope.data.from !== this.instance) this.listener?.onPush(envelope.data.push);
  };

  private readonly lose = () => {
    this.subscribed = false;
  };

  /** Subscribed to once more by hand: the answer tells when pushes really arrive again, and only then is catching up complete. */
  private readonly regain = () => {
    this.connections.subscriber.subscribe(this.channel).then(
      () => {
        if (!this.listener) return;
        this.subscribed = true;
        this.listener.onRegained();
      },
      (error: unknown) => this.logger.debug({ err: error }, 'the push channel is not regained yet'),
    );
  };
}
