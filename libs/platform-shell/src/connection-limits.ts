import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import { plainAddress } from '@conductor/config';

/** Time for the line with the path and all headers, counted from the opening of the connection or the first byte. */
const HEADERS_MS = 10_000;
/** Node looks this often for connections whose time is up. */
const LOOK_MS = 1_000;
/** Connections of one address that have not sent a request yet; of more, the oldest are cut. */
const MAX_SILENT_PER_ADDRESS = 512;

/** For `createServer`. */
export const connectionTimeouts = { headersTimeout: HEADERS_MS, connectionsCheckingInterval: LOOK_MS };

export interface ConnectionLimitOptions {
  perAddress: number;
  /** A proxy brings the connections of many. */
  isTrusted(address: string): boolean;
  /** A connection was cut at once. */
  onRefused?(address: string): void;
}

/** Bounds what one address may hold open, and how much of it without saying anything. */
export const limitConnections = (server: Server, { perAddress, isTrusted, onRefused }: ConnectionLimitOptions): void => {
  const open = new Map<string, number>();
  /** Oldest first. */
  const silent = new Map<string, Set<Socket>>();

  const quietWith = new WeakMap<Socket, Set<Socket>>();
  // Runs for every request.
  const spoke = ({ socket }: IncomingMessage) => void quietWith.get(socket)?.delete(socket);
  server.on('request', spoke).on('upgrade', spoke);

  server.on('connection', (socket: Socket) => {
    const { remoteAddress } = socket;
    if (remoteAddress === undefined || isTrusted(remoteAddress)) return;
    const network = networkOf(remoteAddress);
    const count = open.get(network) ?? 0;
    if (count >= perAddress) {
      onRefused?.(remoteAddress);
      return void socket.destroy();
    }
    open.set(network, count + 1);
    const quiet = silent.get(network) ?? new Set();
    silent.set(network, quiet.add(socket));
    quietWith.set(socket, quiet);
    if (quiet.size > MAX_SILENT_PER_ADDRESS) {
      const [oldest] = quiet;
      onRefused?.(remoteAddress);
      quiet.delete(oldest!);
      oldest!.destroy();
    }
    socket.once('close', () => {
      const left = (open.get(network) ?? 1) - 1;
      quiet.delete(socket);
      if (left > 0) return void open.set(network, left);
      open.delete(network);
      silent.delete(network);
    });
  });
};

/** What counts as one caller: an IPv4 address, or the 64 bits of an IPv6 address that one line gets as a whole. */
export const networkOf = (address: string): string => {
  const plain = plainAddress(address);
  if (!plain.includes(':')) return plain;
  const [head = '', tail] = plain.toLowerCase().split('::');
  const groups = head.split(':').filter(Boolean);
  if (tail !== undefined) groups.push(...Array<string>(Math.max(0, 8 - groups.length - tail.split(':').filter(Boolean).length)).fill('0'), ...tail.split(':').filter(Boolean));
  return groups.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, '')).join(':');
};
