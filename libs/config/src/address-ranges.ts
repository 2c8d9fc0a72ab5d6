import { BlockList, isIP } from 'node:net';

/** Addresses and ranges of addresses (`10.0.0.0/8`, `fd00::/8`, `192.0.2.7`). */
export class AddressRanges {
  private readonly list = new BlockList();

  /** @throws RangeError for what is neither */
  constructor(private readonly ranges: readonly string[]) {
    for (const range of ranges) this.add(range);
  }

  get isEmpty(): boolean {
    return this.ranges.length === 0;
  }

  has(address: string | undefined): boolean {
    if (address === undefined || this.isEmpty) return false;
    const plain = plainAddress(address);
    const family = isIP(plain);
    return family !== 0 && this.list.check(plain, family === 6 ? 'ipv6' : 'ipv4');
  }

  private add(range: string): void {
    const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(range) ?? [];
    const plain = plainAddress(address);
    const family = isIP(plain);
    const longest = family === 6 ? 128 : 32;
    if (family === 0 || Number(bits ?? 0) > longest) throw new RangeError(`"${range}" is no address and no range of addresses such as 10.0.0.0/8`);
    this.list.addSubnet(plain, Number(bits ?? longest), family === 6 ? 'ipv6' : 'ipv4');
  }
}

/** Without brackets and zone, and an IPv4 address as such where IPv6 wraps it. */
export const plainAddress = (address: string): string => address.replace(/^\[(.*)\]$/, '$1').replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/i, '');
