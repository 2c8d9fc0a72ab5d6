import type { IncomingMessage } from 'node:http';
import { AddressRanges, type Config } from '@conductor/config';
import { AllowedHosts } from '@conductor/platform-shell';

const LONGEST_PREFIX = 256;

/**
 * What a request says of the way it came: by which host, from which origin, under which path. What proxies say of it is believed when
 * they are trusted (`TRUSTED_PROXIES`), and from nobody else.
 */
export class HttpEntry {
  private readonly hosts: AllowedHosts;
  private readonly proxies: AddressRanges;
  private readonly origins: ReadonlySet<string>;

  constructor({ host, http }: Pick<Config, 'host' | 'http'>) {
    this.hosts = new AllowedHosts({ host, allowedHosts: http.allowedHosts });
    this.proxies = new AddressRanges(http.trustedProxies);
    this.origins = new Set(http.allowedOrigins.map(folded));
  }

  get hasProxies(): boolean {
    return !this.proxies.isEmpty;
  }

  trusts(address: string | undefined): boolean {
    return this.proxies.has(address);
  }

  /** Once for each request, before anything reads it: what a trusted proxy says in `Forwarded` (RFC 7239) counts like `X-Forwarded-*`. */
  arrive({ headers, socket }: IncomingMessage): void {
    const { forwarded } = headers;
    if (typeof forwarded !== 'string' || !this.trusts(socket.remoteAddress)) return;
    const hops = forwarded.split(',').map(pairsOf);
    headers['x-forwarded-for'] ??= hops.flatMap((hop) => hop.get('for') ?? []).map(withoutPort).join(', ');
    headers['x-forwarded-proto'] ??= hops.at(-1)?.get('proto') ?? '';
    headers['x-forwarded-host'] ??= hops.at(-1)?.get('host') ?? '';
  }

  /** Whether it was meant for this machine: see `AllowedHosts`. */
  isForUs(request: IncomingMessage): boolean {
    if (!this.hosts.allows(this.hostOf(request))) return false;
    // The line of a request may name a host of its own.
    const { url } = request;
    return url === undefined || url.charCodeAt(0) === SLASH || !URL.canParse(url) || this.hosts.allows(new URL(url).host);
  }

  /** Host and port that the caller used. */
  hostOf(request: IncomingMessage): string | undefined {
    return this.forwarded(request, 'x-forwarded-host') ?? request.headers.host;
  }

  /** The path under which a proxy serves us, `/conductor` for instance; empty where there is none. */
  prefixOf(request: IncomingMessage): string {
    const prefix = this.forwarded(request, 'x-forwarded-prefix')?.replace(/\/+$/, '') ?? '';
    return prefix.length <= LONGEST_PREFIX && /^(\/(?!\.{1,2}(\/|$))[\w.~@+-]+)+$/.test(prefix) ? prefix : '';
  }

  /** A path as we know it: a proxy may leave the prefix in. */
  pathOf(request: IncomingMessage): string {
    const url = request.url ?? '/';
    const prefix = this.prefixOf(request);
    if (prefix === '' || !url.startsWith(prefix)) return url;
    const rest = url.slice(prefix.length);
    return rest.startsWith('/') ? rest : rest === '' || rest.startsWith('?') ? `/${rest}` : url;
  }

  /** Whether an origin may call though it is another one. */
  isAllowedOrigin(origin: string | undefined): boolean {
    return origin !== undefined && this.origins.size > 0 && this.origins.has(folded(origin));
  }

  /**
   * Whether a browser says that the request comes from a page of this very host. Browsers say so themselves (`Sec-Fetch-Site`), older
   * ones and those on plain HTTP by `Origin`. `unknown`: neither was sent, so it is no browser, or an ancient one.
   */
  originOf(request: IncomingMessage): 'same' | 'other' | 'unknown' {
    const site = request.headers['sec-fetch-site'];
    // A WebSocket's handshake tells no site.
    if (site !== undefined && request.headers.upgrade === undefined) return site === 'same-origin' || site === 'none' ? 'same' : 'other';
    const { origin } = request.headers;
    if (origin === undefined) return 'unknown';
    return this.isOwn(request, origin) ? 'same' : 'other';
  }

  private isOwn(request: IncomingMessage, origin: string): boolean {
    if (!URL.canParse(origin)) return false;
    const { protocol, host } = new URL(origin);
    if (protocol !== 'http:' && protocol !== 'https:') return false;
    const used = this.hostOf(request);
    // A port that is not named is the usual one of the page's scheme, and one that need not be named is left out.
    if (used === undefined || !URL.canParse(`${protocol}//${used}`) || new URL(`${protocol}//${used}`).host !== host) return false;
    const scheme = this.forwarded(request, 'x-forwarded-proto')?.toLowerCase();
    return scheme === undefined || `${scheme.replace(/^ws/, 'http')}:` === protocol;
  }

  /** The last one, which the proxy nearest to us has written. */
  private forwarded({ headers, socket }: IncomingMessage, name: string): string | undefined {
    const given = headers[name];
    if (given === undefined || !this.trusts(socket.remoteAddress)) return undefined;
    return String(given).split(',').at(-1)!.trim() || undefined;
  }
}

const SLASH = 47;

/** Browsers send an origin in small letters and without the usual port; a person may write it otherwise. */
const folded = (origin: string): string => {
  const small = origin.toLowerCase().replace(/\/+$/, '');
  return URL.canParse(small) && /^https?:/.test(small) ? new URL(small).origin : small;
};

const pairsOf = (hop: string): Map<string, string> =>
  new Map([...hop.matchAll(/([a-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^;\s"]*))/gi)].map(([, name, quoted, bare]) => [name!.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? bare ?? '']));

const withoutPort = (node: string): string => /^\[([^\]]*)\]/.exec(node)?.[1] ?? node.replace(/^([^:]*):[^:]*$/, '$1');
