import { createServer } from 'node:http';

/** A server that speaks as much of Telegram's Bot API as the plugin uses, on this machine, with a memory of what it was asked. */
export class BotApiDouble {
  static TOKEN = '123456:double-token';

  sent = [];
  offsets = [];
  /** What the next calls of a method answer instead: `{ status, body }`, or `hang`. */
  scripted = { getMe: [], getUpdates: [], sendMessage: [] };
  updates = [];
  waiting = new Set();

  static async open() {
    const double = new BotApiDouble();
    double.server = createServer((request, response) => double.answer(request, response));
    await new Promise((resolve) => double.server.listen(0, '127.0.0.1', resolve));
    double.url = `http://127.0.0.1:${double.server.address().port}`;
    return double;
  }

  /** A person writes to the bot. */
  write(text, { chat = 42, user = 7, id = this.updates.length + 1, ...more } = {}) {
    this.updates.push({ update_id: id, message: { message_id: id, chat: { id: chat }, from: { id: user, username: 'anna' }, text, ...more } });
    for (const wake of this.waiting) wake();
  }

  refuse(method, status, description, parameters) {
    this.scripted[method].push({ status, body: { ok: false, error_code: status, description, parameters } });
  }

  close() {
    for (const wake of this.waiting) wake();
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }

  async answer(request, response) {
    const [, token, method] = /^\/bot([^/]+)\/(\w+)$/.exec(request.url) ?? [];
    let text = '';
    for await (const chunk of request) text += chunk;
    const parameters = JSON.parse(text);
    const reply = (status, body) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (token !== BotApiDouble.TOKEN) return reply(401, { ok: false, error_code: 401, description: 'Unauthorized' });
    const scripted = this.scripted[method]?.shift();
    if (scripted === 'hang') return undefined;
    if (scripted) return reply(scripted.status, scripted.body);
    if (method === 'getMe') return reply(200, { ok: true, result: { id: 99, is_bot: true, username: 'double_bot' } });
    if (method === 'getUpdates') return reply(200, { ok: true, result: await this.updatesFrom(parameters) });
    if (method === 'sendMessage') {
      this.sent.push(parameters);
      return reply(200, { ok: true, result: { message_id: this.sent.length } });
    }
    return reply(404, { ok: false, error_code: 404, description: 'Not Found' });
  }

  /** Held until there is something, as long as it was asked to wait. */
  async updatesFrom({ offset, timeout }) {
    this.offsets.push(offset);
    const due = () => this.updates.filter(({ update_id }) => update_id >= offset);
    if (due().length > 0) return due();
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, timeout * 1_000);
      const wake = () => (clearTimeout(timer), this.waiting.delete(wake), resolve());
      this.waiting.add(wake);
    });
    return due();
  }
}
