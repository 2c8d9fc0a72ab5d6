import { z } from 'zod';
import { AddressRanges } from './address-ranges';

/** One of some words, in capitals or not. */
export const choice = <const Words extends readonly [string, ...string[]]>(words: Words) => z.string().toLowerCase().pipe(z.enum(words));

/** A number, and said plainly where it is none. */
export const number = () => z.coerce.number({ error: 'must be a number' });

/** The address of a server, in which a password may hold anything that is escaped. */
export const serverUrl = (protocols: readonly string[]) =>
  z.string().superRefine((text, context) => {
    const problem = problemOf(text, protocols);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  });

const ESCAPES = 'in user name and password a % must be written %25, # %23, @ %40, / %2F, : %3A and ? %3F';

/** Never shows the address: it may hold a password. */
const problemOf = (text: string, protocols: readonly string[]): string | undefined => {
  const url = URL.parse(text);
  const begins = `must begin with ${protocols.map((protocol) => `${protocol}://`).join(' or ')}`;
  if (!url) return protocols.some((protocol) => text.startsWith(`${protocol}://`)) ? `cannot be read as an address; ${ESCAPES}` : begins;
  if (!protocols.includes(url.protocol.slice(0, -1))) return begins;
  if (url.hash !== '') return `has a # in it; ${ESCAPES}`;
  // `redis://user:12/34@host`: what follows the slash would be the path, and `user` the host.
  if (/@/.test(url.pathname + url.search)) return `has an @ behind its host; ${ESCAPES}`;
  try {
    for (const part of [url.username, url.password, url.pathname]) decodeURIComponent(part);
  } catch {
    return `has a % in it that stands for no character; ${ESCAPES}`;
  }
  return undefined;
};

/** `redis+unix:///run/redis.sock?db=1&password=…` in the form that ioredis takes, `/run/redis.sock?db=1&password=…`; others as they are. */
export const asRedisAddress = (url: string): string => {
  if (!url.startsWith('redis+unix:')) return url;
  const { pathname, search } = new URL(url);
  return decodeURIComponent(pathname) + search;
};

/** Port 0 takes a free port; the launcher's table and run.json tell which. */
export const port = (fallback: number) => number().int().min(0).max(65_535).default(fallback);

/** Comma-separated. */
export const list = (fallback: string) =>
  z
    .string()
    .default(fallback)
    .transform((text) => text.split(',').map((one) => one.trim()).filter(Boolean));

/** A time in milliseconds; the name of such a variable ends with `_MS`. */
export const ms = (fallback: number) => number().int().min(1).default(fallback);

/** Comma-separated addresses and ranges. */
export const addressRanges = () =>
  list('').superRefine((ranges, context) => {
    for (const range of ranges) {
      try {
        new AddressRanges([range]);
      } catch (error) {
        context.addIssue({ code: 'custom', message: (error as Error).message });
      }
    }
  });

/** Comma-separated names or addresses of hosts, without ports. */
export const hostNames = () =>
  list('').superRefine((names, context) => {
    for (const name of names) {
      if (!/^(\*|(\*\.)?[\p{L}\d_-]+(\.[\p{L}\d_-]+)*\.?|\[?[\da-f:.]+\]?)$/iu.test(name)) context.addIssue({ code: 'custom', message: `"${name}" is no name of a host, such as home.example.org or *.example.org, without scheme and port` });
    }
  });

/** Comma-separated origins as browsers send them: scheme, host and port. */
export const origins = () =>
  list('').superRefine((all, context) => {
    for (const origin of all) {
      if (!/^[a-z][a-z\d+.-]*:\/\/[^/?#\s*]+$/i.test(origin)) context.addIssue({ code: 'custom', message: `"${origin}" is no origin, such as https://app.example.org or capacitor://localhost` });
    }
  });
