import { createServer } from 'node:http';

/** A receiver of webhooks on this machine that remembers what came, and answers what it is told to. */
export class ReceiverDouble {
  received = [];
  answers = [];

  static async open() {
    const double = new ReceiverDouble();
    double.server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      double.received.push({ headers: request.headers, body });
      const { status = 200, headers = {} } = double.answers.shift() ?? {};
      response.writeHead(status, headers).end();
    });
    await new Promise((resolve) => double.server.listen(0, '127.0.0.1', resolve));
    double.url = `http://127.0.0.1:${double.server.address().port}/hook`;
    return double;
  }

  close() {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }
}
