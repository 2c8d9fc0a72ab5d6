import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { Problem } from './problem';

/** What Node cannot read never becomes a request; it is answered here, on the bare connection, which is closed. */
export const refuseUnreadable = (error: Error & { code?: string }, socket: Socket): void => {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  if (socket.writable) socket.write(asHttp(problemOf(error.code)));
  socket.destroy(error);
};

const problemOf = (code: string | undefined): Problem => {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new Problem('headers-too-large', 'The line with the path and all headers may hold 16 KiB together.');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new Problem('request-timeout', 'The request did not arrive completely in time. Send it again.');
    default:
      return new Problem('invalid-request', 'This is not a request of HTTP/1.1, or its method is unknown.');
  }
};

const asHttp = (problem: Problem): string => {
  const trace = randomUUID();
  const body = JSON.stringify(problem.toDocument(undefined, trace));
  const head = [`HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`, 'content-type: application/problem+json', `content-length: ${Buffer.byteLength(body)}`, `x-request-id: ${trace}`, 'connection: close'];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
};
