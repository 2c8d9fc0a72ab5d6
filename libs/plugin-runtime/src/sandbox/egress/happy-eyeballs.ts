import { connect, isIP, type Socket } from 'node:net';

/** RFC 8305: the next address is tried when the one before has not answered for so long. */
const ATTEMPT_MS = 250;
const TIMEOUT_MS = 10_000;
const MAX_ADDRESSES = 12;

/** IPv6 and IPv4 in turn, each in the order they came in, beginning with the family of the first. */
const interleaved = (addresses: readonly string[]): string[] => {
  const first = isIP(addresses[0] ?? '');
  const [same, other] = [addresses.filter((one) => isIP(one) === first), addresses.filter((one) => isIP(one) !== first)];
  return same.flatMap((one, at) => (at < other.length ? [one, other[at]!] : [one])).concat(other.slice(same.length));
};

/**
 * A connection to the first of several addresses that answers; the others are let go.
 * @throws Error of the latest attempt when none does in time
 */
export const connectToAny = (addresses: readonly string[], port: number, timeoutMs = TIMEOUT_MS): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const waiting = interleaved(addresses).slice(0, MAX_ADDRESSES);
    const open = new Set<Socket>();
    let next: NodeJS.Timeout | undefined;
    let settled = false;
    const settle = (end: () => void, kept?: Socket) => {
      if (settled) return;
      settled = true;
      clearTimeout(next);
      clearTimeout(late);
      for (const socket of open) if (socket !== kept) socket.destroy();
      end();
    };
    const late = setTimeout(() => settle(() => reject(new Error('no connection in time'))), timeoutMs);
    const attempt = () => {
      clearTimeout(next);
      const address = waiting.shift();
      if (address === undefined || settled) return;
      const socket = connect({ host: address, port, allowHalfOpen: true });
      open.add(socket);
      socket.once('connect', () => settle(() => resolve(socket), socket));
      socket.on('error', (error) => {
        open.delete(socket);
        if (open.size === 0 && waiting.length === 0) settle(() => reject(error));
        else if (!settled) attempt();
      });
      if (waiting.length > 0) next = setTimeout(attempt, ATTEMPT_MS);
    };
    if (waiting.length === 0) settle(() => reject(new Error('the name has no address')));
    else attempt();
  });
