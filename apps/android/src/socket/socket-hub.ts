import type { Logger } from '@conductor/observability';
import type { WebSocket } from 'ws';
import type { AndroidConfig } from '../android-config';
import type { Sessions } from '../devices/sessions';
import type { AnswerWaiters } from '../messages/answer-waiters';
import type { History } from '../messages/history';
import type { Push, PushListener } from '../push-channel';
import type { FrameHandler } from './frame-handler';
import { closeCodes, type ServerFrame } from './frames';
import { PhoneSocket, type SocketPorts } from './phone-socket';

export interface HubPorts {
  sessions: Sessions;
  history: History;
  frames: FrameHandler;
  waiters: AnswerWaiters;
  config: AndroidConfig;
  logger: Logger;
}

/** All sockets of this process, and what reaches them. */
export class SocketHub implements PushListener {
  private readonly sockets = new Set<PhoneSocket>();
  private readonly ofUser = new Map<string, Set<PhoneSocket>>();
  private readonly socketPorts: SocketPorts;
  private pinger?: NodeJS.Timeout;
  private readonly whenEmpty: Array<() => void> = [];

  constructor(private readonly ports: HubPorts) {
    this.socketPorts = { ...ports, hasRoomFor: (user) => this.countOf(user) < this.ports.config.socketsPerUser, onAuthorised: (socket) => this.authorised(socket), onClosed: (socket) => this.closed(socket) };
  }

  get size(): number {
    return this.sockets.size;
  }

  countOf(user: string): number {
    return this.ofUser.get(user)?.size ?? 0;
  }

  start() {
    this.pinger ??= setInterval(() => this.sockets.forEach((socket) => socket.probe()), this.ports.config.pingMs).unref();
  }

  add(ws: WebSocket, accessToken: string | undefined, after: number | undefined) {
    const socket = new PhoneSocket(ws, this.socketPorts);
    this.sockets.add(socket);
    socket.open(accessToken, after);
  }

  onPush(push: Push) {
    switch (push.type) {
      case 'kept':
        this.ports.waiters.settle(push.user, push.item);
        return this.ofUser.get(push.user)?.forEach((socket) => socket.offer(push.item));
      case 'receipt':
        return this.toOthers(push.user, push.device, { type: 'receipt', id: push.id, receipt: push.receipt, deviceId: push.device, at: push.at });
      case 'typing':
        return this.toOthers(push.user, push.device, { type: 'typing', conversation: push.conversation, deviceId: push.device });
      case 'revoked':
        return this.sockets.forEach((socket) => {
          const { phone } = socket;
          if (phone && (phone.device === push.device || phone.session === push.session)) socket.close(closeCodes.unauthenticated, 'the session was ended');
        });
    }
  }

  onRegained() {
    // Also that a session was ended may have been missed.
    this.sockets.forEach((socket) => {
      void socket.checkSession();
      socket.catchUp();
    });
  }

  /** Closes every socket; resolves when all are gone. */
  async stop(code: number, reason: string): Promise<void> {
    clearInterval(this.pinger);
    delete this.pinger;
    if (this.sockets.size === 0) return;
    const empty = new Promise<void>((resolve) => this.whenEmpty.push(resolve));
    this.sockets.forEach((socket) => socket.close(code, reason));
    await empty;
  }

  private toOthers(user: string, device: string, frame: ServerFrame) {
    this.ofUser.get(user)?.forEach((socket) => {
      if (socket.phone?.device !== device) socket.send(frame);
    });
  }

  private authorised(socket: PhoneSocket) {
    const { user } = socket.phone!;
    const sockets = this.ofUser.get(user) ?? new Set();
    this.ofUser.set(user, sockets.add(socket));
  }

  private closed(socket: PhoneSocket) {
    this.sockets.delete(socket);
    const user = socket.phone?.user;
    const sockets = user === undefined ? undefined : this.ofUser.get(user);
    sockets?.delete(socket);
    if (sockets?.size === 0) this.ofUser.delete(user!);
    if (this.sockets.size === 0) this.whenEmpty.splice(0).forEach((resolve) => resolve());
  }
}
