import { lookup } from 'node:dns/promises';
import { chmod, chown, rm } from 'node:fs/promises';
import { createServer, isIP, type Server, type Socket } from 'node:net';
import type { AddressRanges } from '@conductor/config';
import { GrantedHosts } from './granted-hosts';
import { connectToAny } from './happy-eyeballs';

export interface EgressFigures {
  readonly open: number;
  readonly connections: number;
  readonly refused: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

export interface EgressOptions {
  /** Tells of each refusal: what was wanted, and why not. */
  report(detail: string): void;
  /** User who alone may connect; the one we run as when absent. */
  uid?: number | undefined;
  /** Special ranges that an operator lets plugins reach. */
  allowed?: AddressRanges;
  /** Addresses of a name. */
  resolve?: (host: string) => Promise<string[]>;
}

const MOST_CONNECTIONS = 64;
const LONGEST_HEADER_BYTES = 512;
const HEADER_MS = 5_000;
const NEWLINE = 10;

const addressesOf = async (host: string): Promise<string[]> => (isIP(host) ? [host] : (await lookup(host, { all: true })).map(({ address }) => address));

/**
 * The only way out for one plugin: a socket on which it says in one line where it wants to go, `{"host":"…","port":…}`, and is
 * connected when that was granted. Whatever comes after the line goes through unread, so TLS stays between the plugin and the
 * far side. A refusal is a closed connection, counted and told.
 */
export class EgressProxy {
  private readonly hosts: GrantedHosts;
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;
  private connections = 0;
  private refused = 0;
  private sentBytes = 0;
  private receivedBytes = 0;

  private constructor(
    readonly path: string,
    granted: readonly string[],
    private readonly options: EgressOptions,
  ) {
    this.hosts = new GrantedHosts(granted, options.allowed);
    this.server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => void this.serve(client));
  }

  static async open(path: string, granted: readonly string[], options: EgressOptions): Promise<EgressProxy> {
    const proxy = new EgressProxy(path, granted, options);
    await new Promise<void>((resolve, reject) => {
      proxy.server.once('error', reject);
      proxy.server.listen(path, () => resolve());
    });
    await chmod(path, 0o600);
    if (options.uid !== undefined) await chown(path, options.uid, options.uid);
    return proxy;
  }

  get figures(): EgressFigures {
    return { open: this.sockets.size, connections: this.connections, refused: this.refused, sentBytes: this.sentBytes, receivedBytes: this.receivedBytes };
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
    await rm(this.path, { force: true });
  }

  private async serve(client: Socket): Promise<void> {
    client.on('error', () => client.destroy());
    // Both ends of each connection count: they are what is held open.
    if (this.sockets.size >= MOST_CONNECTIONS * 2) return this.refuse(client, `more than ${MOST_CONNECTIONS} connections at once`);
    this.hold(client);
    try {
      const { host, port, rest } = await headerOf(client);
      if (!this.hosts.allows(host, port)) return this.refuse(client, `${host}:${port} was not granted`);
      const addresses = await (this.options.resolve ?? addressesOf)(host);
      // Looked up once, and each of them checked: what was checked is what is connected to.
      const refusal = addresses.map((address) => this.hosts.refusalOf(host, address)).find((why) => why !== undefined);
      if (refusal !== undefined) return this.refuse(client, refusal);
      const far = await connectToAny(addresses, port);
      if (client.destroyed) return void far.destroy();
      this.join(client, this.hold(far), rest);
    } catch (error) {
      this.refuse(client, error instanceof NotAHeader ? error.message : undefined);
    }
  }

  private join(client: Socket, far: Socket, rest: Buffer): void {
    this.connections++;
    far.on('error', () => client.destroy());
    client.on('close', () => far.destroy());
    far.on('close', () => client.destroy());
    client.on('data', (chunk: Buffer) => (this.sentBytes += chunk.length));
    far.on('data', (chunk: Buffer) => (this.receivedBytes += chunk.length));
    if (rest.length > 0) {
      this.sentBytes += rest.length;
      far.write(rest);
    }
    client.pipe(far);
    far.pipe(client);
  }

  /** @param why undefined when nothing was wrong with the wish, only with the way there */
  private refuse(client: Socket, why: string | undefined): void {
    if (why !== undefined) {
      this.refused++;
      this.options.report(why);
    }
    client.destroy();
  }

  private hold(socket: Socket): Socket {
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
    return socket;
  }
}

class NotAHeader extends Error {}

const headerOf = (client: Socket): Promise<{ host: string; port: number; rest: Buffer }> =>
  new Promise((resolve, reject) => {
    let held = Buffer.alloc(0);
    const timer = setTimeout(() => fail('it connected and did not say where to'), HEADER_MS);
    const end = () => {
      clearTimeout(timer);
      client.off('data', take).off('close', gone).pause();
    };
    const fail = (why: string) => (end(), reject(new NotAHeader(why)));
    const gone = () => (end(), reject(new Error('it left')));
    const take = (chunk: Buffer) => {
      held = Buffer.concat([held, chunk]);
      const at = held.indexOf(NEWLINE);
      if (at < 0 && held.length <= LONGEST_HEADER_BYTES) return;
      const wish = at < 0 || at > LONGEST_HEADER_BYTES ? undefined : parsed(held.toString('utf8', 0, at));
      if (!wish) return fail('it did not say where to in the way that is expected');
      end();
      resolve({ ...wish, rest: held.subarray(at + 1) });
    };
    client.on('data', take).on('close', gone).resume();
  });

const parsed = (line: string): { host: string; port: number } | undefined => {
  try {
    const { host, port } = JSON.parse(line) as { host?: unknown; port?: unknown };
    return typeof host === 'string' && /^[a-z0-9._:-]{1,255}$/i.test(host) && typeof port === 'number' && Number.isInteger(port) && port > 0 && port < 65_536 ? { host, port } : undefined;
  } catch {
    return undefined;
  }
};
