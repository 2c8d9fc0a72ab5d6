import { until } from '@conductor/testing';
import { Redis } from 'ioredis';
import { Phone } from './support/phone';
import { type App, System } from './support/system';

/** What people do to a Redis, or a Redis to them, and how it is undone. */
const REFUSALS: Array<[string, string, (redis: Redis) => Promise<unknown>, (redis: Redis) => Promise<unknown>]> = [
  ['has no memory left', 'OOM', (redis) => redis.config('SET', 'maxmemory', '1mb'), (redis) => redis.config('SET', 'maxmemory', '0')],
  ['is a replica after a failover', 'READONLY', (redis) => redis.replicaof('127.0.0.1', 1), (redis) => redis.replicaof('NO', 'ONE')],
  ['misses its replicas', 'NOREPLICAS', (redis) => redis.config('SET', 'min-replicas-to-write', '1'), (redis) => redis.config('SET', 'min-replicas-to-write', '0')],
];

describe('a Redis that answers and refuses', () => {
  let system: System;
  let redis: Redis;
  let phone: Phone;
  beforeAll(async () => {
    system = await System.start();
    redis = new Redis(system.run.redisUrl);
    phone = await Phone.of(system, 'ada');
  }, 120_000);
  afterAll(async () => {
    redis.disconnect();
    await system.stop();
  }, 30_000);

  it.each(REFUSALS)('because it %s makes nobody believe that we are at fault, and is served again without a restart', async (_, name, begin, end) => {
    await begin(redis);
    try {
      await until(async () => {
        const said = await Promise.all([
          system.send({ target: 'twitch', content: 'x'.repeat(1_000) }),
          system.send({ target: 'twitch', content: 'later', waitFor: 'acceptance' }),
          system.put('conductor', '/v1/routes/any', { match: { content: 'x' }, target: 'twitch' }),
          system.post('conductor', '/v1/platforms/twitch/disable', { reason: 'no' }),
          system.post('conductor', '/v1/dead-letters/redrive', { filter: {} }),
          phone.ask('/v1/messages', { method: 'POST', body: { content: 'hello' } }),
        ]);
        for (const { status, body, headers } of said) {
          expect([status, body.code]).toEqual([503, 'redis-unavailable']);
          expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
        }
        expect(said[0].body.detail).toContain(name);
      }, 20_000);
      // While connections are made anew because of it, they are merely not there.
      for (const app of ['router', 'conductor', 'android', 'health-monitor', 'scaler', 'plugin-host'] satisfies App[]) {
        await until(async () => {
          const { status, body } = await system.ask(app, '/health/flow', { key: null });
          expect([app, status, JSON.stringify(body)]).toEqual([app, 503, expect.stringContaining(name)]);
        });
      }
      await until(async () => {
        const { components } = await system.get<{ components: Array<{ name: string; state: string; reason: string }> }>('conductor', '/v1/status');
        expect(components.find((component) => component.name === 'redis')).toMatchObject({ state: 'down', reason: expect.stringContaining(name) });
      });
    } finally {
      await end(redis);
    }

    await until(async () => expect((await system.send({ target: 'twitch', content: 'again' })).status).toBe(200), 20_000);
    await system.untilWell();
    expect(Object.values(system.run.apps).map(({ state }) => state)).not.toContain('backing-off');
  }, 90_000);
});
