import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Caller as Identity, Role } from './roles';
import { routeConfig } from './route-config';

/** Anyone may call this handler, or every handler of this controller that says nothing else. */
export const Public = () => routeConfig({ access: 'public' });

/** Callers of one of these roles may, and those that stand above: admin may everything, an operator may view and send. */
export const Allow = (...roles: [Role, ...Role[]]) => routeConfig({ access: roles });

export type Caller = Identity;
/** Injects who calls, `undefined` on a public route. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext) => context.switchToHttp().getRequest<FastifyRequest>().caller);

/** Injects the correlation id of the request: the caller's `x-request-id`, or a new one. */
export const Trace = createParamDecorator((_: unknown, context: ExecutionContext): string => context.switchToHttp().getRequest<FastifyRequest>().id);
