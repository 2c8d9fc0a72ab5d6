import type { Logger } from '@conductor/observability';
import type { PlatformDefinition } from '@conductor/platform-kit';
import type { AndroidConfig } from './android-config';
import { AndroidPlatform } from './android-platform';
import { Devices } from './devices/devices';
import { LockOut } from './devices/lock-out';
import { Sessions } from './devices/sessions';
import { AnswerWaiters } from './messages/answer-waiters';
import { History } from './messages/history';
import { MessageIntake } from './messages/message-intake';
import { RateLimit } from './messages/rate-limit';
import { Receipts } from './messages/receipts';
import { PlatformSlot } from './platform-slot';
import type { PushChannel } from './push-channel';
import { FrameHandler } from './socket/frame-handler';
import { SocketHub } from './socket/socket-hub';

/** Puts the parts together: the platform, and what its doors work with. */
export const assemble = (push: PushChannel, config: AndroidConfig, logger: Logger) => {
  const slot = new PlatformSlot();
  const devices = new Devices(slot, push);
  const sessions = new Sessions(slot, devices, new LockOut(slot, config), push, config);
  const history = new History(slot, config);
  const receipts = new Receipts(slot, history, push, config);
  const waiters = new AnswerWaiters();
  const intake = new MessageIntake(slot, new RateLimit(slot, config), history, waiters, config);
  const hub = new SocketHub({ sessions, history, waiters, frames: new FrameHandler(intake, receipts, push), config, logger });
  const definition: PlatformDefinition<AndroidConfig> = {
    name: 'android',
    create: () => new AndroidPlatform({ slot, history, waiters, hub, push }),
    config,
    atMost: { instances: 1, because: 'phones come to the one port of its door; behind a load balancer of your own, set the number of containers there' },
    // A message that comes twice is recognised by its id.
    repeatable: true,
  };
  return { definition, slot, devices, sessions, history, receipts, waiters, intake, hub };
};
