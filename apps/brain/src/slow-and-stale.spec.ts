import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ConfigurationError, loadConfig } from '@conductor/config';
import { until } from '@conductor/testing';
import { BrainStage } from './testing/brain-stage';
import type { ChatEndpointDouble } from './testing/chat-endpoint-double';

let stage: BrainStage;
let endpoint: ChatEndpointDouble;
beforeEach(async () => {
  stage = await BrainStage.open();
  endpoint = stage.endpoint;
});
afterEach(() => stage.close());

describe('a model that is loaded only while somebody waits', () => {
  it('is loaded though every sender leaves before, and the breaker has nothing to count', async () => {
    endpoint.loadMs = 1_500;
    const router = await stage.brain();
    const first = await router.ask('brain', { waitFor: 'answer', deadlineMs: 500 });
    expect(first).toMatchObject({ state: 'dead-lettered', code: 'model-loading', reason: expect.stringContaining('being loaded') });
    expect(router.repliesTo(first.id).at(-1)!.outcome).toMatchObject({ result: 'not-now', class: 'overload' });
    expect((await router.check())[0]).toMatchObject({ health: { status: 'degraded', reason: expect.stringContaining('being loaded') } });

    await until(async () => expect((await router.check())[0]).toMatchObject({ health: { status: 'ok' } }));
    expect(await router.ask('brain', { waitFor: 'answer', deadlineMs: 5_000 })).toMatchObject({ state: 'answered' });
    expect(endpoint.cancelled).toBe(0);
  });

  it('answers a message that may wait with what it was asked first, once', async () => {
    endpoint.loadMs = 2_000;
    const router = await stage.brain({ BRAIN_TIMEOUT_MS: '500' });
    const id = await router.send('brain', { content: 'first' });
    await until(() => expect(router.repliesTo(id)[0]).toMatchObject({ state: 'waiting', outcome: { code: 'model-loading' } }));

    expect(await router.settled(id, 30_000)).toMatchObject({ state: 'answered', answer: { text: 'you said: first' } });
    expect(endpoint.cancelled).toBe(0);
  });

  it('that never comes is let go of when the brain stops', async () => {
    endpoint.onChat = () => 'hang';
    const router = await stage.brain({ BRAIN_TIMEOUT_MS: '300' });
    const id = await router.send('brain', {});
    await until(() => expect(router.repliesTo(id)[0]).toMatchObject({ outcome: { code: 'model-loading' } }));
    await stage.close();

    await until(() => expect(endpoint.underWay).toBe(0));
  });
});

describe('a connection', () => {
  it('that was kept and closed by the far end costs no message anything', async () => {
    const router = await stage.brain();
    endpoint.closesKeptConnections = true;

    for (let message = 0; message < 5; message++) {
      const record = await router.ask('brain', { content: `message ${message}` });
      expect(record).toMatchObject({ state: 'answered' });
      expect(record.trail.filter(({ step }) => step === 'started')).toHaveLength(1);
    }
    expect((await router.check())[0]).toMatchObject({ health: { status: 'ok' } });
  });

  it('is kept from one message to the next', async () => {
    const router = await stage.brain();
    const sockets = new Set<number | undefined>();
    endpoint.onSocket = (port) => void sockets.add(port);
    for (let message = 0; message < 5; message++) await router.ask('brain', {});

    expect(sockets.size).toBeLessThan(5);
  });

  it('goes through the proxy that the environment names, but not to this machine', async () => {
    const proxied: string[] = [];
    const proxy = createServer((_, response) => response.writeHead(500).end());
    proxy.on('connect', (request, socket) => {
      proxied.push(request.url!);
      socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const before = { ...process.env };
    Object.assign(process.env, { http_proxy: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, https_proxy: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` });
    try {
      expect(await (await stage.brain()).ask('brain', {})).toMatchObject({ state: 'answered' });
      expect(proxied).toEqual([]);
      await stage.brain({ BRAIN_URL: 'https://models.example/v1' });
      await until(() => expect(proxied).toContain('models.example:443'));
    } finally {
      process.env = before;
      proxy.closeAllConnections();
      proxy.close();
    }
  });
});

describe('a key', () => {
  it.each([
    ['a line break', 'sk-SECRET\nrest'],
    ['a character that cannot be seen', 'sk-SECRET\u200brest'],
    ['a space', 'sk-SECRET rest'],
    ['a letter that no key has', 'sk-SECRETé'],
  ])('with %s within is refused at start, and not shown', (_, key) => {
    const refused = (() => {
      try {
        return loadConfig({ BRAIN_API_KEY: key });
      } catch (error) {
        return error;
      }
    })();

    expect(refused).toBeInstanceOf(ConfigurationError);
    expect((refused as Error).message).toContain('BRAIN_API_KEY: holds a character that no key has');
    expect((refused as Error).message).not.toContain('SECRET');
  });

  it('is freed of what surrounds it', async () => {
    const router = await stage.brain({ BRAIN_API_KEY: ' sk-1234\n' });
    await router.ask('brain', {});

    expect(endpoint.asked[0]!.key).toBe('Bearer sk-1234');
  });
});
