import { asRedisUnavailable, RedisUnavailable } from '@conductor/connections';
import { escapedJson } from '@conductor/config';
import type { ProblemCode } from '@conductor/contracts';
import type { Logger } from '@conductor/observability';
import { type ArgumentsHost, type ExceptionFilter, HttpException } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { HttpEntry } from './http-entry';
import { Problem } from './problem';
import type { SecurityEvents } from './security-events';
import type { RouteMethods } from './route-methods';

/** Writes whatever was thrown, by us, Nest or Fastify, as an RFC 9457 problem document. (Without `@Catch` a filter catches everything.) */
export class ProblemFilter implements ExceptionFilter {
  constructor(
    private readonly logger: Logger,
    private readonly bodyLimit: number,
    private readonly routes: RouteMethods,
    private readonly entry: HttpEntry,
    private readonly security: SecurityEvents,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    this.answer(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }

  answer(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const problem = this.asProblem(error, request);
    if (problem.code === 'internal') this.logger.error({ err: error, trace: request.id, method: request.method, path: pathOf(request) }, 'a request failed unexpectedly');
    this.security.refused(problem.code, request.ip, problem.keyId);
    if (reply.sent || reply.raw.headersSent) return;
    if (problem.retryAfterSeconds !== undefined) reply.header('retry-after', problem.retryAfterSeconds);
    if (problem.allow) reply.header('allow', problem.allow.join(', '));
    if (problem.code === 'unauthenticated') reply.header('www-authenticate', 'Bearer');
    if (problem.code === 'upgrade-required') reply.header('upgrade', 'websocket');
    reply
      .code(problem.status)
      .header('x-request-id', request.id)
      .header('content-type', 'application/problem+json')
      // As bytes: to a string Fastify would add a charset, which this media type does not have.
      .send(Buffer.from(escapedJson(JSON.stringify(problem.toDocument(pathOf(request), request.id, this.entry.prefixOf(request.raw))))));
  }

  private asProblem(thrown: unknown, request: FastifyRequest): Problem {
    if (thrown instanceof Problem) return thrown;
    const error = asRedisUnavailable(thrown);
    if (error instanceof RedisUnavailable) {
      const refusal = error.refusal === undefined ? 'cannot be reached at the moment' : `takes nothing at the moment: ${error.message}`;
      return new Problem('redis-unavailable', `The message store ${refusal}. A message may or may not have been accepted: send it again later under the same id, and it is carried out once.`, {
        retryAfterSeconds: error.retryAfterMs / 1_000,
        cause: thrown,
      });
    }
    if (isOutOfService(error)) {
      return new Problem('storage-unavailable', 'What was asked for could not be written down: the disk or the database of this machine takes nothing at the moment, most likely because the disk is full. Nothing was changed: ask again later.', { retryAfterSeconds: STORAGE_RETRY_SECONDS, cause: thrown });
    }
    return this.ofFramework(error, request) ?? new Problem('internal', `Something went wrong inside. The log of this app tells more; search it for the trace ${request.id}.`, { cause: thrown });
  }

  /** Errors that Fastify and Nest raise by themselves. */
  private ofFramework(error: unknown, request: FastifyRequest): Problem | undefined {
    const inner = error instanceof HttpException && error.cause ? error.cause : error;
    const code = (inner as { code?: unknown } | null)?.code;
    switch (code) {
      case 'FST_ERR_CTP_BODY_TOO_LARGE':
        return new Problem('body-too-large', `A body may hold ${this.bodyLimit} bytes at most.`);
      case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
        return new Problem('unsupported-media-type', 'Send the body as JSON, with "Content-Type: application/json".');
      case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
        return new Problem('invalid-json', 'The body is not as long as "Content-Length" says.');
      case 'FST_ERR_BAD_URL':
      case 'FST_ERR_MAX_PARAM_LENGTH':
        return new Problem('invalid-request', 'The path cannot be read: a part of it is too long, or has a "%" that stands for no character.', { errors: [{ field: 'path', message: 'cannot be read' }] });
      default: {
        const status = error instanceof HttpException ? error.getStatus() : (inner as { statusCode?: unknown } | null)?.statusCode;
        if (status === 404) return this.notFound(request);
        const known = typeof status === 'number' ? CODE_OF_STATUS[status] : undefined;
        return known && new Problem(known, (error as Error).message);
      }
    }
  }

  private notFound(request: FastifyRequest): Problem {
    const path = pathOf(request);
    const allow = request.is404 ? this.routes.of(path) : [];
    if (allow.length === 0) return new Problem('not-found', `There is no ${request.method} ${path}.`);
    return new Problem('method-not-allowed', `${path} does not take ${request.method}, only ${allow.join(', ')}.`, { allow });
  }
}

const STORAGE_RETRY_SECONDS = 5;
const NO_ROOM = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'EMFILE', 'ENFILE']);

/** A disk that is full or read-only, and a database that is away; told by name, since this library is below the database's. */
const isOutOfService = (error: unknown): boolean => {
  const { name, code } = (typeof error === 'object' && error !== null ? error : {}) as { name?: unknown; code?: unknown };
  return name === 'DatabaseUnavailable' || (typeof code === 'string' && NO_ROOM.has(code));
};

/** For exceptions of Nest or Fastify that carry only a status. Those of 500 and above say nothing to the caller. */
const CODE_OF_STATUS: Partial<Record<number, ProblemCode>> = {
  400: 'invalid-request',
  401: 'unauthenticated',
  403: 'forbidden',
  409: 'conflict',
  413: 'body-too-large',
  414: 'invalid-request',
  415: 'unsupported-media-type',
  422: 'rejected',
  429: 'rate-limited',
  431: 'invalid-request',
};

/** The query may hold what is not for logs. */
const pathOf = (request: FastifyRequest): string => {
  const url = request.raw.url ?? '/';
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
};
