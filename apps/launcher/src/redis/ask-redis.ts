import { connect } from 'node:net';

/**
 * Sends commands to a Redis on loopback and gives its answers as plain text, '' if nobody answers in time. A client
 * library would reconnect and retry, which is just what a look at an unknown port must not do.
 */
export const askRedis = (port: number, password: string, commands: readonly string[], timeoutMs = 1_000): Promise<string> =>
  new Promise((resolve) => {
    let answer = '';
    const socket = connect({ host: '127.0.0.1', port });
    socket.setTimeout(timeoutMs, () => socket.destroy());
    socket.setEncoding('utf8');
    socket.on('connect', () => socket.write([`AUTH ${password}`, ...commands, 'QUIT', ''].join('\r\n')));
    socket.on('data', (text: string) => (answer += text));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answer));
  });
