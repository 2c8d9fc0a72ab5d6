import { type CanActivate, createParamDecorator, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { bearerOf } from './bearer';
import { type Phone, Sessions } from './sessions';

type PhoneRequest = FastifyRequest & { phone?: Phone };

/** Lets in whoever shows an access token of a phone. */
@Injectable()
export class PhoneGuard implements CanActivate {
  constructor(private readonly sessions: Sessions) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<PhoneRequest>();
    request.phone = await this.sessions.authorise(bearerOf(request.headers.authorization));
    return true;
  }
}

/** Injects the phone that calls; only behind the guard. */
export const CallingPhone = createParamDecorator((_: unknown, context: ExecutionContext) => context.switchToHttp().getRequest<PhoneRequest>().phone);
