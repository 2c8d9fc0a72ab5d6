import { createLogger } from '@conductor/observability';
import { RedisProxy, testNamespace, until } from '@conductor/testing';
import { asRedisUnavailable, RedisConnections, RedisUnavailable } from './index';

const reply = (message: string) => Object.assign(new Error(message), { name: 'ReplyError' });

describe('what Redis refuses', () => {
  it.each([
    ['READONLY', reply("READONLY You can't write against a read only replica.")],
    ['READONLY', reply("READONLY You can't write against a read only replica. script: 9f1d, on @user_script:17.")],
    ['READONLY', reply("ERR Error running script (call to f_9f1d): @user_script:3: @user_script: 3: -READONLY You can't write against a read only replica.")],
    ['OOM', reply("OOM command not allowed when used memory > 'maxmemory'.")],
    ['OOM', reply("ERR Error running script (call to f_1): @user_script:1: -OOM command not allowed when used memory > 'maxmemory'.")],
    ['MISCONF', reply('MISCONF Redis is configured to save RDB snapshots, but it is currently unable to persist to disk.')],
    ['MISCONF', reply('MISCONF Errors writing to the AOF file: No space left on device')],
    ['LOADING', reply('LOADING Redis is loading the dataset in memory')],
    ['NOAUTH', reply('NOAUTH Authentication required.')],
    ['WRONGPASS', reply('WRONGPASS invalid username-password pair or user is disabled.')],
    ['NOPERM', reply("NOPERM this user has no permissions to run the 'set' command")],
    ['CLUSTERDOWN', reply('CLUSTERDOWN Hash slot not served')],
    ['MASTERDOWN', reply("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.")],
    ['NOREPLICAS', reply('NOREPLICAS Not enough good replicas to write.')],
    ['BUSY', reply('BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.')],
    ['OOM', Object.assign(reply('EXECABORT Transaction discarded because of previous errors.'), { previousErrors: [reply("OOM command not allowed when used memory > 'maxmemory'.")] })],
    ['MISCONF', new Error('the job could not be added', { cause: reply('MISCONF Errors writing to the AOF file: No space left on device') })],
  ])('is known by its name: %s', (name, error) => {
    const unavailable = asRedisUnavailable(error);

    expect(unavailable).toBeInstanceOf(RedisUnavailable);
    expect(unavailable).toMatchObject({ refusal: name, message: expect.stringContaining(`(${name})`), retryAfterMs: expect.any(Number) });
  });

  it.each([reply('BUSYGROUP Consumer Group name already exists'), reply('BUSYKEY Target key name already exists.'), reply('WRONGTYPE Operation against a key holding the wrong kind of value'), new Error('the platform is BUSY now'), new Error('a plugin said OOM')])('is told from what is a fault of ours, or of others: %s', (error) => {
    expect(asRedisUnavailable(error)).toBe(error);
  });
});

describe('a connection after a failover', () => {
  it('is made anew when the old server takes no writes any more, and reaches the new one', async () => {
    const proxy = await new RedisProxy().open();
    const connections = new RedisConnections(proxy.url, testNamespace(), createLogger({ app: 'router', level: 'silent' }));
    await connections.untilReady();
    const closed = jest.fn();
    connections.commands.on('close', closed);
    try {
      // What a replica answers; which of the two servers is behind the proxy the connection cannot see.
      const refused = connections.commands.eval("return redis.error_reply(\"READONLY You can't write against a read only replica.\")", 0);

      await expect(refused).rejects.toThrow('READONLY');
      await until(() => expect(closed).toHaveBeenCalled());
      await until(() => connections.tryWrite());
    } finally {
      await connections.close();
      await proxy.cut();
    }
  });
});
