import type { Logger } from '@conductor/observability';
import type { RawData, WebSocket } from 'ws';
import type { AndroidConfig } from '../android-config';
import type { Phone, Sessions } from '../devices/sessions';
import type { History } from '../messages/history';
import type { HistoryItem } from '../messages/history-item';
import { asProblem } from '../platform-slot';
import type { FrameHandler } from './frame-handler';
import { closeCodes, PhoneFrame, type ServerFrame } from './frames';
import { OrderedFeed } from './ordered-feed';

export interface SocketPorts {
  sessions: Sessions;
  history: History;
  frames: FrameHandler;
  config: AndroidConfig;
  logger: Logger;
  /** Whether this user may have one more. */
  hasRoomFor(user: string): boolean;
  /** The socket belongs to a phone from now on. */
  onAuthorised(socket: PhoneSocket): void;
  onClosed(socket: PhoneSocket): void;
}

/** Frames of one phone that may wait for their turn; beyond, nothing more is read from it. */
const FRAMES_WAITING = 32;
/** After a close frame the phone has this long to answer it. */
const CLOSE_MS = 1_000;

/** One open socket: who is behind it, what it has seen, and when it ends. */
export class PhoneSocket {
  phone?: Phone;
  private readonly feed: OrderedFeed;
  private readonly timers = new Set<NodeJS.Timeout>();
  private end?: NodeJS.Timeout;
  /** Frames are carried out one after the other, in the order they came. */
  private turn: Promise<void> = Promise.resolve();
  private waiting = 0;
  private alive = true;
  /** Where live messages start, if the phone names nothing earlier. */
  private startAt = 0;

  constructor(
    private readonly ws: WebSocket,
    private readonly ports: SocketPorts,
  ) {
    this.feed = new OrderedFeed({
      read: (after) => ports.history.after(this.phone!.user, after),
      send: (item) => this.send(item),
      sendPaced: (item) => this.sendPaced(item),
      broken: (error) => {
        ports.logger.warn({ err: error }, 'the history could not be read; a phone is sent away to come back');
        this.close(closeCodes.tryLater, 'come back and resume');
      },
    });
    ws.on('message', (data, isBinary) => this.receive(data, isBinary));
    ws.on('pong', () => (this.alive = true));
    ws.on('error', (error) => ports.logger.debug({ reason: error.message }, 'a socket met an error and is closed'));
    ws.on('close', () => this.letGo());
  }

  /** Takes a token shown while connecting, or waits for a login frame. */
  open(accessToken: string | undefined, after: number | undefined) {
    if (accessToken === undefined) this.later(this.ports.config.loginFrameMs, () => this.phone || this.close(closeCodes.unauthenticated, 'no login in time'));
    else this.enqueue(() => this.login(accessToken, after));
  }

  /** A live item for this user. */
  offer(item: HistoryItem) {
    this.feed.offer(item);
  }

  catchUp() {
    this.feed.catchUp();
  }

  /** Sends, and gives the phone up if it does not keep up reading. */
  send(frame: ServerFrame) {
    if (this.ws.readyState !== this.ws.OPEN) return;
    this.ws.send(JSON.stringify(frame));
    if (this.ws.bufferedAmount > this.ports.config.bufferedBytes) this.close(closeCodes.tryLater, 'too slow; come back and resume');
  }

  /** Asks whether the phone is still there, and whether it still may be; called at intervals. */
  probe() {
    if (!this.alive) return this.ws.terminate();
    this.alive = false;
    this.ws.ping();
    void this.checkSession();
  }

  /** That a session was ended is announced, and an announcement may be lost. */
  async checkSession(): Promise<void> {
    const { phone } = this;
    const stands = phone === undefined || (await this.ports.sessions.stands(phone).catch(() => true));
    if (!stands) this.close(closeCodes.unauthenticated, 'the session was ended');
  }

  close(code: number, reason: string) {
    this.feed.stop();
    if (this.ws.readyState === this.ws.CLOSED) return;
    this.ws.close(code, reason);
    this.later(CLOSE_MS, () => this.ws.terminate());
  }

  private receive(data: RawData, isBinary: boolean) {
    this.alive = true;
    this.enqueue(async () => {
      const frame = isBinary ? undefined : PhoneFrame.safeParse(parse(data));
      if (frame?.success) await this.carryOut(frame.data);
      else this.send({ type: 'rejected', code: 'invalid-request', detail: frame ? frame.error.issues.map(({ path, message }) => `${path.join('.') || 'frame'}: ${message}`).join('; ') : 'Frames are JSON text.' });
    });
  }

  private async carryOut(frame: PhoneFrame) {
    if (frame.type === 'ping') return this.send({ type: 'pong' });
    if (frame.type === 'login') return this.login(frame.accessToken, frame.after);
    if (!this.phone) return this.close(closeCodes.unauthenticated, 'log in first');
    if (frame.type === 'resume') return this.resume(frame.after);
    const reply = await this.ports.frames.handle(this.phone, frame);
    if (reply) this.send(reply);
  }

  private async login(accessToken: string, after: number | undefined) {
    const before = this.phone;
    try {
      const phone = await this.ports.sessions.authorise(accessToken);
      // Before it counts as reachable: what is kept from here on comes after this point.
      if (!before) this.startAt = await this.ports.history.startingPoint(phone.user, after);
      if (this.ws.readyState !== this.ws.OPEN) return;
      if (!before && !this.ports.hasRoomFor(phone.user)) return this.close(closeCodes.tryLater, 'this user has too many sockets open');
      if (before && before.device !== phone.device) return this.close(closeCodes.unauthenticated, 'a socket belongs to one device');
      this.phone = phone;
    } catch (error) {
      const problem = asProblem(error);
      return this.close(problem.code === 'unauthenticated' ? closeCodes.unauthenticated : closeCodes.tryLater, problem.code);
    }
    this.endWith(this.phone.expiresAt);
    if (!before) this.begin(this.phone, after);
  }

  private begin(phone: Phone, after: number | undefined) {
    this.ports.onAuthorised(this);
    this.send({ type: 'ready', user: phone.user, deviceId: phone.device, position: this.startAt });
    if (after !== undefined) this.feed.open(this.startAt);
    else this.later(this.ports.config.resumeGraceMs, () => this.feed.open(this.startAt));
  }

  /** A phone that refreshes its token in time logs in again over the open socket. */
  private endWith(expiresAt: number) {
    this.cancel(this.end);
    this.end = this.later(expiresAt - Date.now(), () => this.close(closeCodes.unauthenticated, 'the access token has ended'));
  }

  private async resume(after: number) {
    if (this.feed.isOpen) return this.feed.goBack(after);
    this.feed.open(Math.min(this.startAt, after));
  }

  private enqueue(work: () => Promise<void>) {
    if (++this.waiting >= FRAMES_WAITING) this.ws.pause();
    this.turn = this.turn
      .then(work)
      .catch((error: unknown) => this.ports.logger.error({ err: error }, 'a frame could not be handled'))
      .finally(() => {
        if (--this.waiting < FRAMES_WAITING && this.ws.isPaused) this.ws.resume();
      });
  }

  private sendPaced(item: HistoryItem): Promise<void> {
    return new Promise((resolve) => {
      if (this.ws.readyState !== this.ws.OPEN) resolve();
      else this.ws.send(JSON.stringify(item), () => resolve());
    });
  }

  private later(ms: number, work: () => void): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      work();
    }, Math.max(0, ms)).unref();
    this.timers.add(timer);
    return timer;
  }

  private cancel(timer: NodeJS.Timeout | undefined) {
    if (!timer) return;
    clearTimeout(timer);
    this.timers.delete(timer);
  }

  private letGo() {
    this.feed.stop();
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
    this.ports.onClosed(this);
  }
}

const parse = (data: RawData): unknown => {
  try {
    return JSON.parse(String(data));
  } catch {
    return undefined;
  }
};
