import type { WebhookReply } from '@conductor/platform-kit';
import { z } from 'zod';

const MAX_BODY_CHARACTERS = 1_048_576;
const MAX_HEADERS = 64;
/** Senders and proxies refuse more than some kilobytes. */
const MAX_HEADER_BYTES = 8_192;

const Reply = z.object({
  status: z.int().min(200).max(599),
  headers: z.record(z.string().regex(/^[a-z0-9-]{1,64}$/i), z.string().max(4_096).regex(/^[\t\x20-\x7e]*$/)).default({}),
  body: z.string().max(MAX_BODY_CHARACTERS).default(''),
});

/**
 * What a sender of webhooks may be told in headers. Everything else is between browsers, proxies and us: cookies and log-ins of this door,
 * what may be loaded, framed, cached or followed from it (a redirect of ours would lend our name to any address).
 */
const MAY_SET = /^(content-type|retry-after|x-[a-z0-9-]+)$/;
/** Headers of the kind `x-…` that browsers or proxies obey; a proxy may even send a file of its own for one. */
const OBEYED = /^x-(accel-|sendfile|lighttpd-|litespeed-|reproxy-|forwarded|real-ip|original-|rewrite-|http-method|frame-options|content-type-options|content-security-policy|webkit-csp|xss-protection|dns-prefetch-control|download-options|permitted-cross-domain-policies|ua-compatible|robots-tag|powered-by|request-id)/;
/** Types that a page behind the same proxy might load as a part of itself. */
const LOADABLE = /script|css|wasm|x-mixed-replace|x-component|shockwave|java-archive|manifest/i;

/**
 * Takes a plugin's reply to a webhook for what it may be.
 * @returns the names of the headers that were left out, too
 * @throws Error, for the log, when it is no reply
 */
export const parseWebhookReply = (answer: unknown): { reply: WebhookReply; dropped: string[] } => {
  const parsed = Reply.safeParse(answer);
  if (!parsed.success) throw new Error(`the plugin answered the webhook with something that is no reply: ${z.prettifyError(parsed.error)}`);
  const { status, headers, body } = parsed.data;
  let bytes = 0;
  const given = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  const kept = given.filter(([name]) => MAY_SET.test(name) && !OBEYED.test(name)).slice(0, MAX_HEADERS).filter(([name, value]) => (bytes += name.length + value.length) <= MAX_HEADER_BYTES);
  const dropped = given.filter((one) => !kept.includes(one)).map(([name]) => name);
  return { reply: { status, headers: Object.fromEntries(kept.map(([name, value]) => [name, name === 'content-type' && LOADABLE.test(value) ? 'text/plain; charset=utf-8' : value])), body }, dropped };
};
