import { isIP } from 'node:net';
import { AddressRanges } from '@conductor/config';
import { canonical, specialRangeOf } from './special-ranges';

const DEFAULT_PORT = 443;

const NONE = new AddressRanges([]);

interface Grant {
  /** `example.org`, or `.example.org` for everything below it. */
  readonly host: string;
  readonly port: number;
}

/** The hosts that one plugin may connect to: `api.telegram.org`, `*.example.org:8443`, `127.0.0.1:9000`. */
export class GrantedHosts {
  private readonly grants: Grant[];

  /** @param allowed special ranges that an operator lets every plugin reach */
  constructor(
    granted: readonly string[],
    private readonly allowed: AddressRanges = NONE,
  ) {
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
   * Why this address may not be connected to, which the name led to; undefined when it may. Special addresses only when the grant says so
   * itself, by number or as `localhost`, or an operator allows their range: whoever owns a name decides where it leads, and may change that
   * after it was granted.
   */
  refusalOf(host: string, address: string): string | undefined {
    if (isIP(host) !== 0) return host === address ? undefined : `${host} leads to another address`;
    const special = specialRangeOf(address, this.allowed);
    if (special === undefined || (host.toLowerCase() === 'localhost' && isLoopback(address))) return undefined;
    return `${host} leads to ${address}, in ${special.range} (${special.purpose}), which was not granted by number. Where names of this network lead there rightly, an operator sets PLUGIN_EGRESS_ALLOW_RANGES=${special.range}`;
  }
}

const isLoopback = (address: string) => {
  const plain = canonical(address);
  return plain === '0:0:0:0:0:0:0:1' || (plain?.startsWith('127.') ?? false);
};
