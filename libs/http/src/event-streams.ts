import { RouteConstraints } from '@nestjs/platform-fastify';
import type { FastifyServerOptions } from 'fastify';

type Constraint = NonNullable<NonNullable<FastifyServerOptions['routerOptions']>['constraints']>[string];
type Handler = NonNullable<ReturnType<ReturnType<Constraint['storage']>['get']>>;

const WANTED = 'wanted';

/** Puts a handler in place of the one that has the same path, for callers who ask for an event stream (`Accept: text/event-stream`). */
export const ForEventStreams = (): MethodDecorator => RouteConstraints({ eventStream: WANTED });

/** How Fastify tells those callers from others: https://fastify.dev/docs/latest/Reference/Routes/#constraints */
export const eventStreamConstraint: Constraint = {
  name: 'eventStream',
  storage: () => {
    const handlers = new Map<unknown, Handler>();
    return { get: (wanted) => handlers.get(wanted) ?? null, set: (wanted, handler) => void handlers.set(wanted, handler) };
  },
  // Its type does not know that `undefined` stands for callers who want nothing special.
  deriveConstraint: ({ headers }) => (headers.accept?.includes('text/event-stream') ? WANTED : undefined) as string,
  // All other handlers answer these callers, too.
  mustMatchWhenDerived: false,
};
