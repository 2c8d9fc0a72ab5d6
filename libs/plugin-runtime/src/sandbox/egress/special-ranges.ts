import { isIP } from 'node:net';
import { AddressRanges, plainAddress } from '@conductor/config';

export interface SpecialRange {
  readonly range: string;
  /** What it is for. */
  readonly purpose: string;
}

/**
 * IANA's special-purpose address registries (IPv4 and IPv6, RFC 6890 and its updates), multicast, and what is not global unicast: addresses
 * of this machine, of its network and of nobody. A name that a stranger owns may lead to any of them.
 */
const SPECIAL: SpecialRange[] = [
  { range: '0.0.0.0/8', purpose: 'this network' },
  { range: '10.0.0.0/8', purpose: 'private network' },
  { range: '100.64.0.0/10', purpose: 'shared by carriers, and by some virtual private networks' },
  { range: '127.0.0.0/8', purpose: 'this machine' },
  { range: '168.63.129.16/32', purpose: 'services of the cloud to its machines' },
  { range: '169.254.0.0/16', purpose: 'link-local, with the services of clouds to their machines' },
  { range: '172.16.0.0/12', purpose: 'private network' },
  { range: '192.0.0.0/24', purpose: 'protocol assignments' },
  { range: '192.0.2.0/24', purpose: 'documentation' },
  { range: '192.31.196.0/24', purpose: 'AS112' },
  { range: '192.52.193.0/24', purpose: 'multicast tunnels' },
  { range: '192.88.99.0/24', purpose: '6to4 relays' },
  { range: '192.168.0.0/16', purpose: 'private network' },
  { range: '192.175.48.0/24', purpose: 'AS112' },
  { range: '198.18.0.0/15', purpose: 'benchmarking, and what the fake-IP DNS of tunnels such as Clash, Surge and sing-box answers' },
  { range: '198.51.100.0/24', purpose: 'documentation' },
  { range: '203.0.113.0/24', purpose: 'documentation' },
  { range: '224.0.0.0/4', purpose: 'multicast' },
  { range: '240.0.0.0/4', purpose: 'reserved, and broadcast' },
  { range: '::/128', purpose: 'no address' },
  { range: '::1/128', purpose: 'this machine' },
  { range: '::/96', purpose: 'IPv4 in IPv6, given up long ago' },
  { range: '64:ff9b::/96', purpose: 'IPv4 by way of NAT64' },
  { range: '64:ff9b:1::/48', purpose: 'IPv4 by way of NAT64 of this network' },
  { range: '100::/64', purpose: 'discarded' },
  { range: '100:0:0:1::/64', purpose: 'dummy prefix' },
  { range: '2001::/32', purpose: 'Teredo' },
  { range: '2001::/23', purpose: 'protocol assignments' },
  { range: '2001:db8::/32', purpose: 'documentation' },
  { range: '2002::/16', purpose: '6to4' },
  { range: '2620:4f:8000::/48', purpose: 'AS112' },
  { range: '3fff::/20', purpose: 'documentation' },
  { range: '5f00::/16', purpose: 'segment routing' },
  { range: 'fc00::/7', purpose: 'private network' },
  { range: 'fe80::/10', purpose: 'link-local' },
  { range: 'fec0::/10', purpose: 'private network, given up' },
  { range: 'ff00::/8', purpose: 'multicast' },
];
const ranges = SPECIAL.map((special) => ({ ...special, list: new AddressRanges([special.range]) }));
const globalUnicast = new AddressRanges(['2000::/3']);

/** Where an IPv6 address holds an IPv4 one, counted in 16-bit groups. */
const EMBEDDED: Array<{ list: AddressRanges; at: number; inverted?: boolean }> = [
  ...['::/96', '64:ff9b::/96', '64:ff9b:1::/48'].map((range) => ({ list: new AddressRanges([range]), at: 6 })),
  { list: new AddressRanges(['2002::/16']), at: 1 },
  { list: new AddressRanges(['2001::/32']), at: 6, inverted: true },
];

/**
 * The special range that an address is in, in whatever form it is written, and with what it leads on to: an address of NAT64, 6to4 or Teredo
 * is in the range of the IPv4 address in it, too.
 * @param allowed what an operator lets plugins reach
 * @returns undefined for one of the open network, or one that is allowed
 */
export const specialRangeOf = (address: string, allowed: AddressRanges): SpecialRange | undefined => {
  const plain = canonical(address);
  if (plain === undefined) return { range: 'none', purpose: 'no address that can be understood' };
  const inner = innerAddress(plain);
  if (inner !== undefined) {
    // Allowing the way (NAT64) does not allow where it leads to.
    const beyond = specialRangeOf(inner, allowed);
    if (beyond) return beyond;
  }
  if (allowed.has(plain)) return undefined;
  const special = ranges.find(({ list }) => list.has(plain));
  if (special) return { range: special.range, purpose: special.purpose };
  return isIP(plain) === 6 && !globalUnicast.has(plain) ? { range: `${plain}/128`, purpose: 'not given to anybody' } : undefined;
};

/** One form for each address; an IPv4 one as such where IPv6 only wraps it. */
export const canonical = (address: string): string | undefined => {
  const plain = plainAddress(address);
  if (isIP(plain) !== 6) return isIP(plain) === 4 ? plain : undefined;
  const groups = groupsOf(plain);
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) return dotted(groups[6]!, groups[7]!);
  return groups.map((group) => group.toString(16)).join(':');
};

const innerAddress = (plain: string): string | undefined => {
  if (isIP(plain) !== 6) return undefined;
  if (/^(0:){7}[01]$/.test(plain)) return undefined;
  const wrapped = EMBEDDED.find(({ list }) => list.has(plain));
  if (!wrapped) return undefined;
  const groups = groupsOf(plain).slice(wrapped.at, wrapped.at + 2).map((group) => (wrapped.inverted ? group ^ 0xffff : group));
  return dotted(groups[0]!, groups[1]!);
};

const groupsOf = (plain: string): number[] => {
  // The parser of URLs writes dotted ends as groups.
  const [head = '', tail] = new URL(`http://[${plain}]`).hostname.slice(1, -1).split('::') as [string, string?];
  const [before, after] = [head, tail ?? ''].map((part) => part.split(':').filter(Boolean).map((group) => parseInt(group, 16))) as [number[], number[]];
  return tail === undefined ? before : [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
};

const dotted = (high: number, low: number) => [high >> 8, high & 255, low >> 8, low & 255].join('.');
