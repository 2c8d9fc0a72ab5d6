import type { FastifyRequest } from 'fastify';

/**
 * Whether a browser says that the request comes from a page of this very door. Browsers say so themselves (`Sec-Fetch-Site`), older
 * ones and those on plain HTTP by `Origin`. `unknown`: neither was sent, so it is no browser, or an ancient one.
 */
export const originOf = (request: FastifyRequest): 'same' | 'other' | 'unknown' => {
  const site = request.headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin' || site === 'none' ? 'same' : 'other';
  const { origin } = request.headers;
  if (origin === undefined) return 'unknown';
  return URL.canParse(origin) && new URL(origin).host === request.headers.host ? 'same' : 'other';
};

/** A path of this door to go on to, '/' for anything that leads elsewhere. */
export const localPath = (next: string | undefined): string => {
  const here = 'http://here.invalid';
  if (!next?.startsWith('/') || !URL.canParse(next, here)) return '/';
  const url = new URL(next, here);
  return url.origin === here ? url.pathname + url.search : '/';
};
