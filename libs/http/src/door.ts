import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { escapedJson } from '@conductor/config';
import type { Logger } from '@conductor/observability';
import { connectionTimeouts } from '@conductor/platform-shell';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { defaultAccess, permittedBy } from './roles';
import type { Admission } from './admission';
import { readBodies } from './bodies';
import { refuseUnreadable } from './client-errors';
import { eventStreamConstraint } from './event-streams';
import { BODY_LIMIT } from './body-limit';
import { admitOrigin } from './cross-origin';
import type { HttpEntry } from './http-entry';
import type { InFlight } from './in-flight';
import { Problem } from './problem';
import type { ProblemFilter } from './problem-filter';
import type { RequestMetrics } from './request-metrics';
import type { RouteMethods } from './route-methods';
import { securityHeaders } from './security-headers';

/** A caller who takes longer to send a request is cut off. */
const REQUEST_TIMEOUT_MS = 30_000;

/** Ids hold 128 characters at most; a longer one is named as a wrong field, like any other. */
const LONGEST_PATH_PART = 1_024;

/** Pages that describe the door say nothing secret. */
const OPEN_PATHS = /^\/docs($|[/-])/;

export interface DoorParts {
  admission: Admission;
  entry: HttpEntry;
  inFlight: InFlight;
  metrics: RequestMetrics;
  filter: ProblemFilter;
  routes: RouteMethods;
  logger: Logger;
  /** Browsers without a session are led to the log-in page. */
  login: boolean;
}

/** Fastify with everything that comes before a handler: one hook, since every hook costs each request. */
export const openDoor = async (parts: DoorParts): Promise<FastifyAdapter> => {
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: connectionTimeouts,
    // What comes first of all; where no proxy is trusted there is nothing to do.
    ...(parts.entry.hasProxies && {
      trustProxy: (address: string) => parts.entry.trusts(address),
      rewriteUrl: (request: IncomingMessage) => {
        parts.entry.arrive(request);
        return parts.entry.pathOf(request);
      },
    }),
    genReqId: traceOf,
    requestIdHeader: false,
    forceCloseConnections: true,
    return503OnClosing: false,
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => parts.filter.answer(error, request, reply),
    clientErrorHandler: refuseUnreadable,
    // No Nest middleware anywhere: what must come first is in our hook.
    skipMiddie: true,
    routerOptions: { constraints: { eventStream: eventStreamConstraint }, maxParamLength: LONGEST_PATH_PART },
  });
  const fastify: FastifyInstance = adapter.getInstance();
  readBodies(fastify);
  // An answer may be printed as it is, and quotes much that is not ours: names, reasons, logs.
  fastify.setReplySerializer((payload) => escapedJson(JSON.stringify(payload)));
  // Nest would set its own, which leads to the same filter, too late for plugins that are registered before.
  adapter.setErrorHandler = () => adapter.getInstance();
  fastify.setErrorHandler((error, request, reply) => parts.filter.answer(error, request, reply));
  fastify.addHook('onRoute', decideAccess);
  fastify.addHook('onRoute', ({ method, url }) => parts.routes.add(url, [method].flat()));
  fastify.decorateRequest('caller', undefined);
  fastify.addHook('onRequest', firstOfAll(parts, await securityHeaders()));
  fastify.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? '(none)';
    parts.metrics.observe(request.method, route, reply.statusCode, reply.elapsedTime);
    if (parts.logger.isLevelEnabled('debug') && request.routeOptions.config.limited !== false) {
      parts.logger.debug({ trace: request.id, method: request.method, route, status: reply.statusCode, ms: Math.round(reply.elapsedTime) }, 'a request was answered');
    }
    done();
  });
  return adapter;
};

const firstOfAll =
  ({ admission, entry, inFlight, filter, login }: DoorParts, headers: Record<string, string>) =>
  (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    const { limited, page } = request.routeOptions.config;
    reply.header('x-request-id', request.id);
    if (page === false) reply.header('x-content-type-options', 'nosniff');
    else reply.headers(headers);
    if (!entry.isForUs(request.raw)) return refuse(new Problem('misdirected-request', 'The name in the header "Host" is not one of this machine. Call it by a name of its own, or add the name to CONDUCTOR_ALLOWED_HOSTS.'));
    if (request.headers.origin !== undefined && admitOrigin(entry, request, reply)) return;
    // Health stays to be seen during the drain.
    if (limited !== false) {
      if (inFlight.isDraining) {
        reply.header('connection', 'close');
        return refuse(new Problem('not-ready', 'This instance is shutting down. Send the request again; another instance, or this one after its restart, takes it.', { retryAfterSeconds: 1 }));
      }
      inFlight.enter(reply.raw);
    }
    let waiting: void | Promise<void>;
    try {
      waiting = admission.admit(request);
    } catch (error) {
      return refuse(error);
    }
    if (waiting) waiting.then(() => done(), refuse);
    else done();

    // Answered right here: a plugin may have an error handler of its own, which does not know our problems.
    function refuse(error: unknown): void {
      const wantsPage = login && request.method === 'GET' && request.headers.accept?.includes('text/html');
      if (wantsPage && error instanceof Problem && error.code === 'unauthenticated') reply.redirect(`${entry.prefixOf(request.raw)}/login?next=${encodeURIComponent(request.url)}`, 303);
      else filter.answer(error, request, reply);
    }
  };

/** Works out once, as a route is registered, who may call it and what it answers with; plugins' routes too. */
const decideAccess = (route: RouteOptions): void => {
  const config = { ...route.config };
  const methods = [route.method].flat();
  const access = config.access ?? (OPEN_PATHS.test(route.url) ? 'public' : defaultAccess(methods));
  config.access = access;
  config.permitted = access === 'public' ? undefined : permittedBy(access);
  config.page ??= config.form === true || methods.some((method) => method === 'GET' || method === 'HEAD');
  route.config = config;
};

/** The caller's correlation id where it is harmless to log and to send on, else a new one. */
const traceOf = (request: IncomingMessage): string => {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[\w.-]{8,64}$/.test(given) ? given : randomUUID();
};
