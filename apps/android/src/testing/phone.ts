import { textOf } from '@conductor/contracts';
import { until } from '@conductor/testing';
import { type ClientOptions, WebSocket } from 'ws';
import type { HistoryItem } from '../messages/history-item';
import type { ServerFrame } from '../socket/frames';

type FrameOf<T extends ServerFrame['type']> = Extract<ServerFrame, { type: T }>;

/** A phone's socket, and everything it has got. */
export class PhoneLine {
  readonly frames: ServerFrame[] = [];
  closed?: { code: number; reason: string };
  refusedWith?: number;
  readonly ws: WebSocket;

  constructor(url: string, protocols: string[] = [], options: ClientOptions = {}) {
    this.ws = new WebSocket(url.replace('http', 'ws'), protocols, options);
    this.ws.on('message', (data) => this.frames.push(JSON.parse(String(data)) as ServerFrame));
    this.ws.on('close', (code, reason) => (this.closed ??= { code, reason: String(reason) }));
    this.ws.on('unexpected-response', (_request, response) => {
      this.refusedWith = response.statusCode!;
      this.ws.terminate();
    });
    this.ws.on('error', () => {});
  }

  of<T extends ServerFrame['type']>(type: T): Array<FrameOf<T>> {
    return this.frames.filter((frame): frame is FrameOf<T> => frame.type === type);
  }

  get items(): HistoryItem[] {
    return this.frames.filter((frame): frame is HistoryItem => frame.type === 'answer' || frame.type === 'message');
  }

  get positions(): number[] {
    return this.items.map(({ position }) => position);
  }

  /** What people read in answers and unasked messages, in the order it came. */
  get texts(): string[] {
    return this.items.map(({ content }) => textOf(content));
  }

  async opened(): Promise<this> {
    await until(() => {
      if (this.ws.readyState !== WebSocket.OPEN) throw new Error('the socket is not open');
    });
    return this;
  }

  /** The next frame of a type that is or comes. */
  next<T extends ServerFrame['type']>(type: T, matches: (frame: FrameOf<T>) => boolean = () => true): Promise<FrameOf<T>> {
    return until(() => {
      const frame = this.of(type).find(matches);
      if (!frame) throw new Error(`no ${type} among ${JSON.stringify(this.frames)}${this.closed ? `; closed with ${this.closed.code}` : ''}`);
      return frame;
    });
  }

  closes(): Promise<{ code: number; reason: string }> {
    return until(() => {
      if (!this.closed) throw new Error('the socket is still open');
      return this.closed;
    });
  }

  say(frame: object | string) {
    this.ws.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  /** Hangs up and waits until it is done. */
  async hangUp(): Promise<void> {
    this.ws.close();
    await this.closes();
  }
}
