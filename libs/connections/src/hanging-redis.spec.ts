import { once } from 'node:events';
import { createLogger } from '@conductor/observability';
import { RedisProxy, testNamespace, until } from '@conductor/testing';
import { asRedisUnavailable, RedisConnections, RedisUnavailable } from './index';

const MB = 1_048_576;

describe('a connection to Redis', () => {
  let proxy: RedisProxy;
  let connections: RedisConnections;

  const open = async (bytesPerSecond = Infinity) => {
    proxy = new RedisProxy();
    proxy.bytesPerSecond = bytesPerSecond;
    await proxy.open();
    connections = new RedisConnections(proxy.url, testNamespace(), createLogger({ app: 'router', level: 'silent' }));
    await connections.untilReady();
  };
  afterEach(async () => {
    await connections.close();
    await proxy.cut();
  });

  it('that is busy with a large answer for seconds is not taken for dead, nor is what waits behind that answer', async () => {
    await open(2 * MB);
    const key = `${connections.namespace}:large`;
    const lost = jest.fn();
    connections.commands.on('close', lost);
    await connections.commands.set(key, 'x'.repeat(10 * MB), 'PX', 60_000);

    const [large, behind] = await Promise.all([connections.commands.get(key), connections.commands.exists(key), connections.commands.del('nothing')]);

    expect(large).toHaveLength(10 * MB);
    expect(behind).toBe(1);
    expect(lost).not.toHaveBeenCalled();
    await connections.commands.del(key);
  });

  it('over which nothing comes any more is given up, and what waits for an answer is refused, also while more is sent', async () => {
    await open();
    const lost = once(connections.commands, 'close');
    proxy.silence();
    const more = setInterval(() => void connections.commands.set(`${connections.namespace}:more`, 'x', 'PX', 1_000).catch(() => {}), 50);
    const refused = connections.commands.get('something').catch((error: unknown) => asRedisUnavailable(error));

    await lost;
    clearInterval(more);
    expect(await refused).toBeInstanceOf(RedisUnavailable);
    await proxy.cut();
    await proxy.open();
    await until(async () => expect(await connections.commands.ping()).toBe('PONG'));
  });
});
