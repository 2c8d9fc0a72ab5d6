import 'reflect-metadata';
import { FASTIFY_ROUTE_CONFIG_METADATA } from '@nestjs/platform-fastify/constants.js';
import type { Access, Caller, Role } from './roles';

/** What our door wants to know of a route. It is read once, when the route is registered. */
export interface DoorRouteConfig {
  access?: Access;
  /** Every role that may pass; derived from `access`, absent on public routes. */
  permitted?: ReadonlySet<Role> | undefined;
  /** `false`: not counted against the rate limit, and answered during the drain too (health, metrics). */
  limited?: boolean;
  /** `false`: what it answers is never shown as a page, so headers that guard pages would only cost time. Derived: changes that take no forms. */
  page?: boolean;
  /** `true`: takes HTML forms besides JSON. */
  form?: boolean;
}

declare module 'fastify' {
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type
  interface FastifyContextConfig extends DoorRouteConfig {}
  interface FastifyRequest {
    caller: Caller | undefined;
  }
}

type Handler = (...args: never[]) => unknown;

/**
 * Sets route configuration on a handler, or on all handlers of a controller that have not set theirs. It travels to Fastify
 * with the route, so that the door decides before a body is read, for routes of plugins as for Nest's.
 */
export const routeConfig =
  (config: DoorRouteConfig): MethodDecorator & ClassDecorator =>
  (target: object, _key?: string | symbol, descriptor?: PropertyDescriptor) => {
    if (descriptor) return void merge(descriptor.value as Handler, (own) => ({ ...own, ...config }));
    const { prototype } = target as { prototype: object };
    for (const { value } of Object.values(Object.getOwnPropertyDescriptors(prototype))) {
      if (typeof value === 'function' && value !== target) merge(value as Handler, (own) => ({ ...config, ...own }));
    }
  };

const merge = (handler: Handler, change: (own: DoorRouteConfig) => DoorRouteConfig) =>
  Reflect.defineMetadata(FASTIFY_ROUTE_CONFIG_METADATA, change((Reflect.getMetadata(FASTIFY_ROUTE_CONFIG_METADATA, handler) as DoorRouteConfig | undefined) ?? {}), handler);
