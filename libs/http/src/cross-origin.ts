import type { FastifyReply, FastifyRequest } from 'fastify';
import type { HttpEntry } from './http-entry';

const PREFLIGHT_FOR_S = 600;

/**
 * Lets apps and pages call whose origin an operator has listed (CORS), with keys and tokens; cookies of ours stay with our own pages.
 * @returns whether the browser only asked, and has its answer
 */
export const admitOrigin = (entry: HttpEntry, request: FastifyRequest, reply: FastifyReply): boolean => {
  const { origin } = request.headers;
  if (origin === undefined || !entry.isAllowedOrigin(origin)) return false;
  reply.header('access-control-allow-origin', origin).header('vary', 'Origin').header('access-control-expose-headers', 'Retry-After, X-Request-Id');
  const method = request.headers['access-control-request-method'];
  if (request.method !== 'OPTIONS' || method === undefined) return false;
  const wanted = request.headers['access-control-request-headers'];
  reply
    .header('access-control-allow-methods', method)
    .header('access-control-max-age', PREFLIGHT_FOR_S)
    .headers(wanted === undefined ? {} : { 'access-control-allow-headers': wanted })
    .code(204)
    .send();
  return true;
};
