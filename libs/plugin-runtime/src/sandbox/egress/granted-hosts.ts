import { BlockList, isIP } from 'node:net';

const DEFAULT_PORT = 443;

/** Addresses of this machine, of its network and of nobody: a name that a stranger owns may lead to any of them. */
const inside = new BlockList();
for (const [net, bits] of [
  ['0.0.0.0', 8], ['10.0.0.0', 8], ['100.64.0.0', 10], ['127.0.0.0', 8], ['169.254.0.0', 16], ['172.16.0.0', 12],
  ['192.0.0.0', 24], ['192.168.0.0', 16], ['198.18.0.0', 15], ['224.0.0.0', 4], ['240.0.0.0', 4],
] as const) inside.addSubnet(net, bits, 'ipv4');
for (const [net, bits] of [['::', 96], ['64:ff9b::', 96], ['64:ff9b:1::', 48], ['2002::', 16], ['fc00::', 7], ['fe80::', 10], ['fec0::', 10], ['ff00::', 8]] as const) inside.addSubnet(net, bits, 'ipv6');

interface Grant {
  /** `example.org`, or `.example.org` for everything below it. */
  readonly host: string;
  readonly port: number;
}

/** The hosts that one plugin may connect to: `api.telegram.org`, `*.example.org:8443`, `127.0.0.1:9000`. */
export class GrantedHosts {
  private readonly grants: Grant[];

  constructor(granted: readonly string[]) {
    this.grants = granted.map((text) => {
      const [host = '', port] = text.split(':');
      return { host: host.replace(/^\*/, '').toLowerCase(), port: port === undefined ? DEFAULT_PORT : Number(port) };
    });
  }

  get isEmpty(): boolean {
    return this.grants.length === 0;
  }

  allows(host: string, port: number): boolean {
    const name = host.toLowerCase().replace(/\.$/, '');
    return this.grants.some((grant) => grant.port === port && (grant.host === name || (grant.host.startsWith('.') && isIP(name) === 0 && name.endsWith(grant.host) && name.length > grant.host.length)));
  }

  /**
   * May this address be connected to, which the name led to? Addresses inside only when the grant says so itself, by number or as
   * `localhost`: whoever owns a name decides where it leads, and may change that after it was granted.
   */
  allowsAddress(host: string, address: string): boolean {
    if (isIP(host) !== 0) return host === address;
    if (!isInside(address)) return true;
    return host.toLowerCase() === 'localhost' && isLoopback(address);
  }
}

const unmapped = (address: string) => /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;

const isInside = (address: string): boolean => {
  const plain = unmapped(address);
  const version = isIP(plain);
  // Neither 4 nor 6: no address that we understand, so none that we let through.
  return version === 0 || inside.check(plain, version === 4 ? 'ipv4' : 'ipv6');
};

const isLoopback = (address: string) => address === '::1' || unmapped(address).startsWith('127.');
