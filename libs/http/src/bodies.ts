import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from './problem';

/** JSON everywhere, forms where a route says so, nothing else. An empty body is no body, whatever its type. */
export const readBodies = (fastify: FastifyInstance): void => {
  const json = fastify.getDefaultJsonParser('error', 'error');
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    if (body.length === 0) return done(null, undefined);
    if (isPacked(request)) return done(asTheyAre(), undefined);
    // Reading on would put other characters in the place of those that cannot be read, and nobody would be told.
    if (!isUtf8(body)) return done(new Problem('invalid-json', 'The body is not UTF-8.'), undefined);
    const text = body.toString();
    void json(request, text, (error, value) => (error ? done(whyUnreadable(text), undefined) : done(null, value)));
  });
  fastify.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (request, body, done) => {
    if (request.routeOptions.config.form) done(null, Object.fromEntries(new URLSearchParams(body as string)));
    else done(new Problem('unsupported-media-type', 'Send the body as JSON, with "Content-Type: application/json".'), undefined);
  });
};

/** A packed body of a kilobyte may unpack to a gigabyte. */
const isPacked = ({ headers }: FastifyRequest): boolean => (headers['content-encoding'] ?? 'identity').toLowerCase() !== 'identity';

const asTheyAre = () => new Problem('unsupported-media-type', 'Send the body as it is, without "Content-Encoding".');

/** What the parser refuses is not JSON, or JSON with a key that would change how objects behave. */
const whyUnreadable = (text: string): Problem => {
  try {
    JSON.parse(text.replace(/^\uFEFF/, ''));
    return new Problem('invalid-json', 'The body holds a key that is not taken anywhere: "__proto__", or "constructor" with "prototype" in it.');
  } catch (error) {
    return new Problem('invalid-json', `The body cannot be read as JSON: ${(error as Error).message.slice(0, 200)}.`);
  }
};
