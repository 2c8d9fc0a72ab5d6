import { hostname, networkInterfaces } from 'node:os';
import { isIP } from 'node:net';
import { AddressRanges, plainAddress } from '@conductor/config';

const LOOPBACK = new AddressRanges(['127.0.0.0/8', '::1']);
/** A machine's addresses change seldom, and looking for them takes longer than a request. */
const ADDRESSES_FOR_MS = 5_000;
const MAX_REMEMBERED = 1_000;

export interface HostSettings {
  /** What the app listens on. */
  host: string;
  /** Further names: `home.example.org`, `*.example.org`, `*`. */
  allowedHosts: readonly string[];
}

/**
 * Under which names this machine is called. A page elsewhere can have its own name lead here (DNS rebinding), and would then read what
 * only pages of ours may: such a request still carries the foreign name in its `Host` header.
 */
export class AllowedHosts {
  private readonly names: ReadonlySet<string>;
  private readonly suffixes: readonly string[];
  private readonly any: boolean;
  private readonly remembered = new Set<string>();
  private addresses: ReadonlySet<string> = new Set();
  private addressesUntil = 0;

  constructor({ host, allowedHosts }: HostSettings) {
    const given = allowedHosts.map((name) => nameOf(name.includes(':') && !name.startsWith('[') ? `[${name}]` : name) ?? name.toLowerCase());
    const own = hostname().toLowerCase();
    // Where others reach this machine, they do so by its name, too.
    const reached = isLoopback(host) ? [] : [own, `${own.split('.')[0]}.local`, ...(isIP(plainAddress(host)) ? [] : [host.toLowerCase()])];
    this.names = new Set([...given, ...reached]);
    this.suffixes = given.filter((name) => name.startsWith('*.')).map((name) => name.slice(1));
    this.any = given.includes('*');
  }

  /** @param authority of a request: name or address, with a port or without. None at all is no browser's. */
  allows(authority: string | undefined): boolean {
    if (authority === undefined || this.any || this.remembered.has(authority)) return true;
    const name = nameOf(authority);
    if (name === undefined || name === '') return false;
    if (!this.isNamed(name)) return isIP(plainAddress(name)) !== 0 && this.ownAddresses().has(plainAddress(name));
    if (this.remembered.size >= MAX_REMEMBERED) this.remembered.clear();
    this.remembered.add(authority);
    return true;
  }

  private isNamed(name: string): boolean {
    return isLoopback(name) || this.names.has(name) || this.suffixes.some((suffix) => name.endsWith(suffix) && name.length > suffix.length);
  }

  private ownAddresses(): ReadonlySet<string> {
    if (Date.now() < this.addressesUntil) return this.addresses;
    this.addressesUntil = Date.now() + ADDRESSES_FOR_MS;
    this.addresses = new Set(Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => plainAddress(nameOf(address.includes(':') ? `[${plainAddress(address)}]` : address) ?? address))));
    return this.addresses;
  }
}

/** The name or address in an authority, in the one form that it has: small letters, no dot at the end, IPv6 in brackets and short. */
const nameOf = (authority: string): string | undefined => {
  const [, name] = /^(\[[^\]]*\]|[^:[\]/?#@\\\s]*)(?::\d{0,5})?$/.exec(authority) ?? [];
  if (name === undefined) return undefined;
  if (name.startsWith('[')) return URL.canParse(`http://${name}`) ? new URL(`http://${name}`).hostname : undefined;
  return name.toLowerCase().replace(/\.$/, '');
};

const isLoopback = (name: string): boolean => name === 'localhost' || name.endsWith('.localhost') || LOOPBACK.has(name);
