import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AddressRanges, type Config, urlOf } from '@conductor/config';
import { AllowedHosts } from './allowed-hosts';
import { connectionTimeouts, limitConnections } from './connection-limits';

export interface ShellState {
  /** Why nothing runs here, for a person. */
  reason: string;
  redisIsReady: boolean;
}

/** A caller who asks for the platform itself comes again after this time. */
const RETRY_AFTER_S = 30;
/** Whoever takes longer to send a request is cut off. */
const REQUEST_MS = 30_000;

/**
 * The door of a process whose platforms are not loaded: health and metrics like any app's, and for everything else the problem
 * `platform-unavailable`. Node's own server, since a framework would be most of the shell's memory.
 */
export class ShellDoor {
  private readonly server: Server;

  constructor(
    private readonly app: string,
    private readonly state: () => ShellState,
    { host, http }: Pick<Config, 'host' | 'http'>,
  ) {
    const hosts = new AllowedHosts({ host, allowedHosts: http.allowedHosts });
    const proxies = new AddressRanges(http.trustedProxies);
    this.server = createServer({ ...connectionTimeouts, requestTimeout: REQUEST_MS }, ({ url, headers, socket }, response) => {
      const path = URL.parse(url ?? '/', 'http://door')?.pathname ?? '/';
      const forwarded = proxies.has(socket.remoteAddress) ? headers['x-forwarded-host'] : undefined;
      if (hosts.allows(forwarded === undefined ? headers.host : String(forwarded).split(',').at(-1)!.trim())) this.answer(path, response);
      else json(response, 421, misdirected(path), { 'content-type': 'application/problem+json' });
    });
    limitConnections(this.server, { perAddress: http.connectionsPerAddress, isTrusted: (address) => proxies.has(address) });
  }

  /** @returns its URL @throws what the system says when it cannot listen there */
  async open(host: string, port: number): Promise<string> {
    await new Promise<void>((resolve, reject) => this.server.once('error', reject).listen({ host, port }, resolve));
    return urlOf(host, (this.server.address() as AddressInfo).port);
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }

  private answer(path: string, response: ServerResponse) {
    const { reason, redisIsReady } = this.state();
    switch (path) {
      case '/health/live':
        return json(response, 200, report({}));
      case '/health/ready':
        return json(response, redisIsReady ? 200 : 503, report({ redis: redisIsReady ? { status: 'up' } : { status: 'down', reason: 'Redis is not reachable' }, platforms: { status: 'up', reason } }));
      case '/health/flow':
        return json(response, 200, report({ platforms: { status: 'up', reason } }));
      case '/metrics':
        response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
        return void response.end(metrics(this.app));
      default:
        return json(response, 503, unavailable(path, reason), { 'content-type': 'application/problem+json', 'retry-after': String(RETRY_AFTER_S) });
    }
  }
}

const json = (response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = { 'content-type': 'application/json; charset=utf-8' }) =>
  void response.writeHead(status, headers).end(JSON.stringify(body));

interface Probe {
  status: 'up' | 'down';
  reason?: string;
}

/** In the form of Terminus, as every app has it. */
const report = (probes: Record<string, Probe>) => {
  const those = (status: Probe['status']) => Object.fromEntries(Object.entries(probes).filter(([, probe]) => probe.status === status));
  return { status: Object.keys(those('down')).length === 0 ? 'ok' : 'error', info: those('up'), error: those('down'), details: probes };
};

const unavailable = (path: string, reason: string) => ({
  type: '/problems/platform-unavailable',
  title: 'The platform is not available',
  status: 503,
  detail: `Nothing runs here at the moment: ${reason}. Come again later.`,
  code: 'platform-unavailable',
  instance: path,
});

const misdirected = (path: string) => ({
  type: '/problems/misdirected-request',
  title: 'This host is not served here',
  status: 421,
  detail: 'The name in the header "Host" is not one of this machine. Call it by a name of its own, or add the name to CONDUCTOR_ALLOWED_HOSTS.',
  code: 'misdirected-request',
  instance: path,
});

const metrics = (app: string) =>
  [
    '# HELP process_resident_memory_bytes Resident memory size in bytes.',
    '# TYPE process_resident_memory_bytes gauge',
    `process_resident_memory_bytes{app="${app}"} ${process.memoryUsage.rss()}`,
    '# HELP platform_shell 1 while no platform of this process is loaded, since none is wanted.',
    '# TYPE platform_shell gauge',
    `platform_shell{app="${app}"} 1`,
    '',
  ].join('\n');
