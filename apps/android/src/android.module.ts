import type { AppContext } from '@conductor/http';
import { PlatformHost } from '@conductor/platform-kit';
import { type DynamicModule, Module } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { type AndroidConfig, androidDefaults } from './android-config';
import { assemble } from './assemble';
import { Devices } from './devices/devices';
import { DevicesController } from './devices/devices.controller';
import { PhoneGuard } from './devices/phone.guard';
import { Sessions } from './devices/sessions';
import { SessionsController } from './devices/sessions.controller';
import { AnswerWaiters } from './messages/answer-waiters';
import { History } from './messages/history';
import { MessageIntake } from './messages/message-intake';
import { MessagesController } from './messages/messages.controller';
import { Receipts } from './messages/receipts';
import { RedisPushChannel } from './push-channel';
import { SocketController } from './socket/socket.controller';
import { SocketDoor } from './socket/socket-door';

/** The platform `android` and its doors for phones. */
@Module({})
export class AndroidModule {
  static async register(context: AppContext, changes: Partial<AndroidConfig> = {}): Promise<DynamicModule> {
    const config = { ...androidDefaults, ...changes };
    const push = new RedisPushChannel(context.connections, context.instance, context.logger);
    const android = assemble(push, config, context.logger);
    await PlatformHost.open(context, [android.definition]);
    return {
      module: AndroidModule,
      controllers: [DevicesController, SessionsController, MessagesController, SocketController],
      providers: [
        PhoneGuard,
        { provide: Devices, useValue: android.devices },
        { provide: Sessions, useValue: android.sessions },
        { provide: MessageIntake, useValue: android.intake },
        { provide: History, useValue: android.history },
        { provide: Receipts, useValue: android.receipts },
        { provide: AnswerWaiters, useValue: android.waiters },
        { provide: SocketDoor, useFactory: (adapter: HttpAdapterHost) => new SocketDoor(adapter, android.slot, android.hub, config, context.entry), inject: [HttpAdapterHost] },
      ],
    };
  }
}
