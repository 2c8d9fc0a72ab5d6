import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

interface Reply {
  status?: number;
  headers?: Record<string, string>;
  /** A text is sent as it is. */
  body?: unknown;
  delayMs?: number;
  /** Said again and again. */
  endless?: string;
  /** The connection ends in the middle of the body. */
  breaksOff?: boolean;
}

export interface Asked {
  model: string;
  messages: Array<{ role: string; content: string }>;
  stream: boolean;
  key: string | undefined;
}

/** A server that speaks the chat part of OpenAI's API, and misbehaves as a test wants. */
export class ChatEndpointDouble {
  readonly asked: Asked[] = [];
  looks = 0;
  underWay = 0;
  mostUnderWay = 0;
  cancelled = 0;
  /** `hang` never answers, `drop` closes the connection. */
  onChat: (asked: Asked) => Reply | 'hang' | 'drop' = ({ messages }) => completion(`you said: ${messages.at(-1)!.content}`);
  onModels: () => Reply | 'hang' | 'drop' = () => ({ body: { object: 'list', data: [{ id: 'tiny', object: 'model' }] } });
  /** `http` servers close idle connections; this one closes a kept one when something comes on it. */
  closesKeptConnections = false;
  /** A model that is loaded only while somebody waits, so many milliseconds; whoever hangs up undoes it. */
  loadMs = 0;
  /** Hears the far port of each connection that a chat came on. */
  onSocket: (port: number | undefined) => void = () => {};
  private loaded = false;
  private readonly usedSockets = new WeakSet<object>();
  private server?: Server;

  private constructor(private port: number) {}

  /** @param port where it is, or where it will be when it starts later */
  static async start(port = 0): Promise<ChatEndpointDouble> {
    const double = new ChatEndpointDouble(port);
    await double.up();
    return double;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/v1`;
  }

  async up(): Promise<void> {
    this.server = createServer((request, response) => void this.serve(request, response));
    await new Promise<void>((resolve) => this.server!.listen(this.port, '127.0.0.1', resolve));
    this.port = (this.server.address() as AddressInfo).port;
  }

  /** As if its process were killed. */
  async down(): Promise<void> {
    const { server } = this;
    delete this.server;
    if (!server) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  private async serve(request: IncomingMessage, response: ServerResponse) {
    if (request.method === 'GET' && request.url === '/v1/models') {
      this.looks++;
      return this.reply(request, response, this.onModels());
    }
    if (request.method !== 'POST' || request.url !== '/v1/chat/completions') return this.reply(request, response, { status: 404, body: '404 page not found' });
    if (this.closesKeptConnections && this.usedSockets.has(request.socket)) return void request.socket.destroy();
    this.usedSockets.add(request.socket);
    this.onSocket(request.socket.remotePort);
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const asked = { ...(JSON.parse(text) as Asked), key: request.headers.authorization };
    this.asked.push(asked);
    this.mostUnderWay = Math.max(this.mostUnderWay, ++this.underWay);
    response.on('close', () => {
      this.underWay--;
      if (!response.writableFinished) this.cancelled++;
    });
    if (this.loadMs > 0 && !this.loaded) {
      const left = new Promise((resolve) => response.once('close', () => resolve('left')));
      if ((await Promise.race([pause(this.loadMs), left])) === 'left') return;
      this.loaded = true;
    }
    await this.reply(request, response, this.onChat(asked));
  }

  private async reply(request: IncomingMessage, response: ServerResponse, reply: Reply | 'hang' | 'drop') {
    if (reply === 'hang') return;
    if (reply === 'drop') return void request.socket.destroy();
    if (reply.delayMs) await pause(reply.delayMs);
    response.writeHead(reply.status ?? 200, { 'content-type': 'application/json', ...reply.headers });
    if (reply.breaksOff) return void response.write('{"choices":[', () => request.socket.destroy());
    if (reply.endless !== undefined) return this.goOn(response, reply.endless);
    response.end(typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body ?? {}));
  }

  private goOn(response: ServerResponse, text: string) {
    const write = () => {
      while (!response.destroyed && response.write(text));
      if (!response.destroyed) response.once('drain', write);
    };
    write();
  }
}

/** A completion whose message, or all of it, a test words itself. */
export const worded = (message: object, more: object = {}): Reply => ({ body: { id: 'chatcmpl-1', object: 'chat.completion', model: 'tiny', choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason: 'stop' }], ...more } });

export const completion = (text: string, delayMs = 0): Reply => ({
  delayMs,
  body: { id: 'chatcmpl-1', object: 'chat.completion', model: 'tiny', choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }], usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 } },
});

/** How OpenAI-compatible servers word an error. */
export const problem = (status: number, message: string, headers: Record<string, string> = {}): Reply => ({ status, headers, body: { error: { message, type: 'error', code: null } } });
