import { connect, type Socket } from 'node:net';
import { Controller, Module, Post } from '@nestjs/common';
import { Public } from './access';
import { eventually, TestApp } from './door.fixture';

@Controller('echo')
class Echo {
  @Post() @Public() echo() {}
}
@Module({ controllers: [Echo] })
class EchoModule {}

/** A connection that keeps what it was told. */
const dial = async (app: TestApp) => {
  const { port, hostname } = new URL(app.running.url);
  const socket = connect(Number(port), hostname).setEncoding('utf8');
  const line = { socket, text: '', closed: false };
  socket.on('data', (text: string) => (line.text += text)).on('error', () => {}).on('close', () => (line.closed = true));
  await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
  return line;
};
const drip = (socket: Socket, text: string) => {
  const timer = setInterval(() => socket.write(text), 500);
  socket.on('close', () => clearInterval(timer));
};

describe('a connection', () => {
  it('that says nothing, or drips its headers, is cut after ten seconds; one that is used is not', async () => {
    const app = await TestApp.start(EchoModule);
    const [silent, slow, used] = await Promise.all([dial(app), dial(app), dial(app)]);
    slow.socket.write('GET /health/live HTTP/1.1\r\nhost: localhost\r\n');
    drip(slow.socket, 'x-more: 1\r\n');
    drip(used.socket, 'GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n');

    await eventually(() => expect([silent.closed, slow.closed]).toEqual([true, true]), 60_000);

    expect(used.closed).toBe(false);
    expect(slow.text).toMatch(/^HTTP\/1.1 408 [^]*"code":"request-timeout"/);
    used.socket.destroy();
    await app.end();
  }, 90_000);

  it('is one of so many that an address may hold; when one is given up, another is let in', async () => {
    const app = await TestApp.start(EchoModule, { env: { CONDUCTOR_CONNECTIONS_PER_ADDRESS: '8' } });
    const held = await Promise.all(Array.from({ length: 8 }, () => dial(app)));
    const more = await dial(app);

    await eventually(() => expect(more.closed).toBe(true));
    expect(held.some(({ closed }) => closed)).toBe(false);
    held[0]!.socket.destroy();
    await eventually(async () => {
      const next = await dial(app);
      next.socket.write('GET /health/live HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n');
      await eventually(() => expect(next.closed).toBe(true));
      expect(next.text).toMatch(/^HTTP\/1.1 200 /);
    });
    for (const { socket } of held) socket.destroy();
    await app.end();
  });

  it('that says nothing makes room for those that come after it: callers are served while hundreds stay silent', async () => {
    const app = await TestApp.start(EchoModule);
    const silent: Array<Awaited<ReturnType<typeof dial>>> = [];
    for (let n = 0; n < 600; n++) silent.push(await dial(app));

    await eventually(() => expect(silent.filter(({ closed }) => closed).length).toBe(88));
    expect(silent.slice(0, 88).every(({ closed }) => closed)).toBe(true);
    expect((await app.fetch('/echo', { json: {} })).status).toBe(201);
    for (const { socket } of silent) socket.destroy();
    await app.end();
  }, 60_000);

  it('of a trusted proxy is not counted', async () => {
    const app = await TestApp.start(EchoModule, { env: { CONDUCTOR_CONNECTIONS_PER_ADDRESS: '8', TRUSTED_PROXIES: '127.0.0.1' } });
    const held = await Promise.all(Array.from({ length: 20 }, () => dial(app)));

    expect((await app.fetch('/echo', { json: {} })).status).toBe(201);
    expect(held.some(({ closed }) => closed)).toBe(false);
    for (const { socket } of held) socket.destroy();
    await app.end();
  });
});
