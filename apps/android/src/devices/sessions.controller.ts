import { Answers, ApiTags, Fails, Public, ZodBody } from '@conductor/http';
import { Controller, Post, UseGuards } from '@nestjs/common';
import { z } from 'zod';
import { DeviceId } from './devices';
import { CallingPhone, PhoneGuard } from './phone.guard';
import { type Phone, Sessions, Tokens } from './sessions';

const Secret = z.string().min(1).max(256);
const Login = z.strictObject({ deviceId: DeviceId, deviceKey: Secret }).meta({ example: { deviceId: 'dev-0123456789abcdef', deviceKey: 'as POST /v1/devices showed it' } });
const Refresh = z.strictObject({ refreshToken: Secret }).meta({ example: { refreshToken: 'as the log-in gave it' } });

/** How a phone gets its tokens. */
@ApiTags('login')
@Public()
@Controller('v1')
export class SessionsController {
  constructor(private readonly sessions: Sessions) {}

  @Post('login')
  @Answers(200, Tokens)
  @Fails('invalid-request', 'unauthenticated', 'locked-out', 'platform-unavailable', 'redis-unavailable')
  login(@ZodBody(Login) { deviceId, deviceKey }: z.output<typeof Login>): Promise<Tokens> {
    return this.sessions.login(deviceId, deviceKey);
  }

  /** Each refresh token works once; one that comes again ends its session. */
  @Post('refresh')
  @Answers(200, Tokens)
  @Fails('invalid-request', 'unauthenticated', 'platform-unavailable', 'redis-unavailable')
  refresh(@ZodBody(Refresh) { refreshToken }: z.output<typeof Refresh>): Promise<Tokens> {
    return this.sessions.refresh(refreshToken);
  }

  /** Ends the session of this access token, with its sockets. */
  @Post('logout')
  @UseGuards(PhoneGuard)
  @Answers(204, undefined, 'the session has ended')
  @Fails('unauthenticated', 'platform-unavailable', 'redis-unavailable')
  logout(@CallingPhone() phone: Phone): Promise<void> {
    return this.sessions.logout(phone);
  }
}
