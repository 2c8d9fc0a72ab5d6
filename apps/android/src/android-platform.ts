import { asRedisUnavailable, RedisUnavailable } from '@conductor/connections';
import type { Answer, PluginHealth } from '@conductor/contracts';
import { DeliveryFailure, type PlatformContext, type PlatformPlugin, type PlatformRequest } from '@conductor/platform-kit';
import type { AndroidConfig } from './android-config';
import type { AnswerWaiters } from './messages/answer-waiters';
import type { History } from './messages/history';
import type { HistoryEntry } from './messages/history-item';
import type { PlatformSlot } from './platform-slot';
import type { PushChannel } from './push-channel';
import { closeCodes } from './socket/frames';
import type { SocketHub } from './socket/socket-hub';

export interface AndroidPorts {
  slot: PlatformSlot;
  history: History;
  waiters: AnswerWaiters;
  hub: SocketHub;
  push: PushChannel;
}

/** The Android platform: keeps what it is given in the user's history, and brings it to the phones that are there. */
export class AndroidPlatform implements PlatformPlugin<AndroidConfig> {
  private context?: PlatformContext;

  constructor(private readonly ports: AndroidPorts) {}

  async initialize(_config: AndroidConfig, context: PlatformContext): Promise<void> {
    const { push, hub, slot } = this.ports;
    this.context = context;
    await push.open(hub);
    hub.start();
    slot.enter(context);
  }

  async healthCheck(): Promise<PluginHealth> {
    const { hub, push } = this.ports;
    const details = { sockets: hub.size };
    this.context?.metrics.observe('sockets', hub.size);
    return push.isOpen
      ? { status: 'ok', details }
      : { status: 'degraded', reason: 'the push channel is away: phones connected to other processes get their messages only when it is back', details };
  }

  async handleRequest(request: PlatformRequest, signal: AbortSignal): Promise<Answer> {
    const { history, hub, push } = this.ports;
    const { user } = request;
    if (user === undefined) throw DeliveryFailure.never({ code: 'no-recipient', message: 'a message to Android needs a `user` to go to' });
    signal.throwIfAborted();
    try {
      const item = await history.keep(user, entryOf(request));
      // Also when it was kept before: the first delivery may have ended just before this, and sockets drop what they have.
      await push.publish({ type: 'kept', user, item });
      return { delivered: hub.countOf(user), position: item.position, push: 'off' };
    } catch (error) {
      throw translated(error);
    }
  }

  async shutdown(): Promise<void> {
    const { slot, waiters, hub, push } = this.ports;
    // Only the instance that came in goes out; a second call finds nothing of its own.
    if (!this.context) return;
    delete this.context;
    slot.leave();
    waiters.close();
    await Promise.all([hub.stop(closeCodes.restarting, 'the platform stops here; come back and resume'), push.close()]);
  }
}

/** `at` is when the request came in, so that a second delivery of it is the same entry. */
const entryOf = ({ id, inReplyTo, kind, conversation, content, receivedAt }: PlatformRequest): HistoryEntry => ({
  type: kind === 'answer' && inReplyTo !== undefined ? 'answer' : 'message',
  id,
  ...(inReplyTo !== undefined && { inReplyTo }),
  kind,
  ...(conversation !== undefined && { conversation }),
  content,
  at: receivedAt,
});

const translated = (thrown: unknown): DeliveryFailure => {
  const error = asRedisUnavailable(thrown);
  return error instanceof RedisUnavailable
    ? DeliveryFailure.notNow(error.retryAfterMs, { code: 'redis-unavailable', message: error.message, class: 'overload', cause: thrown })
    : DeliveryFailure.from(error);
};
