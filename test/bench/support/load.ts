import { connect, type Socket } from 'node:net';

/** Keeps `inFlight` calls going until `count` are done. @returns calls a second */
export const closedLoop = async (count: number, inFlight: number, call: (lane: number) => Promise<void>): Promise<number> => {
  let left = count;
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: inFlight }, async (_, lane) => {
      while (left-- > 0) await call(lane);
    }),
  );
  return count / ((performance.now() - startedAt) / 1_000);
};

/** Begins a call every `1/perSecond` s, whatever became of those before: a slow system is not asked less. */
export const openLoop = async (perSecond: number, seconds: number, call: () => Promise<void>): Promise<void> => {
  const total = perSecond * seconds;
  const startedAt = performance.now();
  const calls: Array<Promise<void>> = [];
  while (calls.length < total) {
    const due = Math.min(total, Math.floor(((performance.now() - startedAt) / 1_000) * perSecond));
    while (calls.length < due) calls.push(call());
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(calls);
};

export const percentile = (values: number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
};

export const median = (values: number[]): number => percentile(values, 0.5);

/**
 * One keep-alive connection that posts the same bytes again and again. Far lighter than an HTTP client library, so that on two
 * cores the server is measured and not the client.
 */
export class RawPoster {
  private readonly socket: Socket;
  private received = '';
  private waiting: ((answer: { status: number; body: string }) => void) | undefined;

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.socket = connect({ host: hostname, port: Number(port), noDelay: true });
    this.socket.setEncoding('latin1');
    this.socket.on('data', (chunk: string) => this.receive(chunk));
  }

  static bytes(url: string, key: string, body: object): string {
    const { host, pathname } = new URL(url);
    const text = JSON.stringify(body);
    return `POST ${pathname} HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
  }

  post(bytes: string): Promise<{ status: number; body: string }> {
    return new Promise((resolve) => {
      this.waiting = resolve;
      this.socket.write(bytes);
    });
  }

  close() {
    this.socket.destroy();
  }

  private receive(chunk: string) {
    this.received += chunk;
    const head = this.received.indexOf('\r\n\r\n');
    if (head < 0) return;
    const length = Number(/content-length: (\d+)/i.exec(this.received)?.[1] ?? 0);
    if (this.received.length < head + 4 + length) return;
    const answer = { status: Number(this.received.slice(9, 12)), body: this.received.slice(head + 4) };
    this.received = '';
    this.waiting?.(answer);
  }
}
