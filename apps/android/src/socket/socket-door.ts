import { type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { HttpEntry } from '@conductor/http';
import type { OnModuleDestroy, OnModuleInit } from '@nestjs/common';
import type { HttpAdapterHost } from '@nestjs/core';
import { type WebSocket, WebSocketServer } from 'ws';
import { z } from 'zod';
import type { AndroidConfig } from '../android-config';
import { bearerOf } from '../devices/bearer';
import type { PlatformSlot } from '../platform-slot';
import { closeCodes } from './frames';
import type { SocketHub } from './socket-hub';

export const SOCKET_PATH = '/v1/socket';
const SUBPROTOCOL = 'bearer';
const Query = z.object({ after: z.coerce.number().int().min(0).optional() });

/** Where phones come in with a WebSocket, on the same port as everything else. */
export class SocketDoor implements OnModuleInit, OnModuleDestroy {
  private readonly server: WebSocketServer;
  private closing = false;

  constructor(
    private readonly adapter: HttpAdapterHost,
    private readonly slot: PlatformSlot,
    private readonly hub: SocketHub,
    private readonly config: AndroidConfig,
    private readonly entry: HttpEntry,
  ) {
    this.server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: config.frameBytes,
      handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    });
  }

  onModuleInit() {
    this.http.on('upgrade', this.upgrade);
  }

  /** Before Nest closes the HTTP server, which would wait for the sockets. */
  async onModuleDestroy() {
    this.closing = true;
    this.http.off('upgrade', this.upgrade);
    await this.hub.stop(closeCodes.restarting, 'this process stops; come back and resume');
  }

  private get http(): Server {
    return this.adapter.httpAdapter.getHttpServer() as Server;
  }

  private readonly upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // Until the WebSocket takes over, a connection that breaks would otherwise end the process.
    socket.on('error', ignore);
    // What comes here may be anything, `//` for instance, which is no address.
    this.entry.arrive(request);
    if (!this.entry.isForUs(request)) return refuse(socket, 421);
    const url = URL.parse(this.entry.pathOf(request), 'http://phone');
    if (url?.pathname !== SOCKET_PATH) return refuse(socket, 404);
    const query = Query.safeParse(Object.fromEntries(url.searchParams));
    // Native apps send no origin. Browsers do, and so do apps that live in one: a foreign page must not use the socket.
    if (this.entry.originOf(request) === 'other' && !this.entry.isAllowedOrigin(request.headers.origin)) return refuse(socket, 403);
    if (!query.success) return refuse(socket, 400);
    if (this.hub.size >= this.config.maxSockets) return refuse(socket, 503);
    this.server.handleUpgrade(request, socket, head, (ws) => {
      socket.off('error', ignore);
      this.welcome(ws, tokenOf(request), query.data.after);
    });
  };

  private welcome(ws: WebSocket, accessToken: string | undefined, after: number | undefined) {
    if (this.slot.isTaken && !this.closing) return this.hub.add(ws, accessToken, after);
    ws.on('error', ignore);
    ws.close(closeCodes.tryLater, 'platform-unavailable');
  }
}

/** `Authorization: Bearer <token>`, or for clients that cannot set headers `Sec-WebSocket-Protocol: bearer, <token>`. */
const tokenOf = ({ headers }: IncomingMessage): string | undefined => {
  const [scheme, token] = (headers['sec-websocket-protocol'] ?? '').split(',').map((part) => part.trim());
  return bearerOf(headers.authorization) ?? (scheme === SUBPROTOCOL ? token : undefined);
};

const refuse = (socket: Duplex, status: number) =>
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n${status === 503 ? 'Retry-After: 5\r\n' : ''}\r\n`, () => socket.destroy());

const ignore = () => {};
