import { type AppContext, Problem } from '@conductor/http';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Plugins } from './plugins';

const PREFIX = '/v1/webhooks';
/** Senders of webhooks wait some seconds at most, and send again. */
const WEBHOOK_MS = 10_000;
/** For one platform: a slow plugin holds up its own senders only. */
const MOST_AT_ONCE = 20;

/** Headers that are between the sender and us. */
const OURS = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'cookie', 'authorization', 'proxy-authorization']);

/**
 * On every reply of a plugin, whatever it says: text of a stranger at our address. A browser that shows it runs nothing in it, gives it no
 * origin, and lets no page load, frame or keep it.
 */
const REPLY_HEADERS = {
  'content-security-policy': "sandbox; default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-store',
};

/**
 * `/v1/webhooks/<platform>/…` hands a request, byte by byte, to that platform's plugin, which is loaded for it. Anyone may call it: the
 * plugin knows its sender's signature, and answers 401 to everyone else.
 */
export const openWebhooks = async (nest: NestFastifyApplication, { logger }: AppContext): Promise<void> => {
  const door = nest.getHttpAdapter().getInstance();
  const atOnce = new Map<string, number>();
  const count = (platform: string, by: 1 | -1) => {
    const now = (atOnce.get(platform) ?? 0) + by;
    if (now > 0) atOnce.set(platform, now);
    else atOnce.delete(platform);
  };

  const handle = async (request: FastifyRequest, reply: FastifyReply) => {
    const { platform: name, '*': rest = '' } = request.params as { platform: string; '*'?: string };
    const platform = nest.get(Plugins).find(name);
    if (!platform) throw new Problem('not-found', `There is no plugin platform "${name}" here.`);
    if ((atOnce.get(name) ?? 0) >= MOST_AT_ONCE) throw new Problem('overloaded', `${MOST_AT_ONCE} webhooks for "${name}" are in hand already. Send it again in a moment.`, { retryAfterSeconds: 1 });
    count(name, 1);
    try {
      const query = Object.fromEntries(Object.entries(request.query as Record<string, unknown>).map(([key, value]) => [key, String(value)]));
      const headers = Object.fromEntries(Object.entries(request.headers).filter(([header]) => !OURS.has(header)).map(([header, value]) => [header, String(value)]));
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      const answer = await platform.handleWebhook({ method: request.method, path: `/${rest}`, query, headers, body }, AbortSignal.timeout(WEBHOOK_MS));
      return await reply.status(answer.status).headers(answer.headers ?? {}).headers(REPLY_HEADERS).send(answer.body);
    } catch (error) {
      logger.warn({ err: error, platform: name }, 'a webhook was not taken in');
      throw new Problem('delivery-failed', `The platform "${name}" did not take this webhook in. Send it again later.`);
    } finally {
      count(name, -1);
    }
  };

  await door.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_, body, done) => done(null, body));
    for (const url of [`${PREFIX}/:platform`, `${PREFIX}/:platform/*`]) {
      scope.route({ method: ['GET', 'POST', 'PUT'], url, config: { access: 'public', page: false }, handler: handle });
    }
  });
};
