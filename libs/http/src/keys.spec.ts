import { randomBytes } from 'node:crypto';
import { Controller, Get, Module } from '@nestjs/common';
import { Redis } from 'ioredis';
import { RedisProxy } from '@conductor/testing';
import { eventually, TestApp, testRedisUrl } from './door.fixture';

@Controller('things')
class Things {
  @Get() read() {
    return 'things';
  }
}
@Module({ controllers: [Things] })
class ThingsModule {}

describe('an API key', () => {
  let app: TestApp;
  beforeAll(async () => (app = await TestApp.start(ThingsModule)));
  afterAll(() => app.end());

  it('is shown once and kept as a hash', async () => {
    const { id, key } = await app.keys.create({ name: 'phone', role: 'ingress' });
    const redis = new Redis(testRedisUrl());
    const stored = await redis.hget(`${app.config.namespace}:keys`, id);
    redis.disconnect();

    expect(key).toMatch(/^cnd_[\w-]{43}$/);
    expect(stored).not.toContain(key);
    expect((await app.keys.list()).find((info) => info.id === id)).toEqual({ id, name: 'phone', role: 'ingress', createdAt: expect.any(Number) });
    expect(await app.keys.verify(key)).toEqual({ id, name: 'phone', role: 'ingress' });
    expect(app.log).not.toContain(key);
  });

  it('made or revoked in one process counts in every other at once', async () => {
    const other = await TestApp.start(ThingsModule, { app: 'router', env: { CONDUCTOR_NAMESPACE: app.config.namespace } });
    const { id, key } = await app.keys.create({ name: 'short', role: 'viewer' });
    expect((await other.fetch('/things', { key })).status).toBe(200);

    expect(await app.keys.revoke(id)).toBe(true);
    await eventually(async () => expect((await other.fetch('/things', { key })).status).toBe(401), 1_000);
    expect(await app.keys.revoke(id)).toBe(false);
    await other.running.stop();
  });

  it('chosen by somebody else can be registered again and again, by several processes', async () => {
    const preset = `preset ${randomBytes(8).toString('hex')}`;
    const ids = await Promise.all([1, 2, 3].map(() => app.keys.ensure(preset, { name: 'first', role: 'admin' })));
    const again = await app.keys.ensure(preset, { name: 'first', role: 'admin' });

    expect(new Set([...ids, again].map(({ id }) => id)).size).toBe(1);
    expect(await app.keys.verify(preset)).toMatchObject({ name: 'first', role: 'admin' });
    await expect(app.keys.ensure('too short', { name: 'x', role: 'admin' })).rejects.toThrow(/16 characters/);
  });

  it.each(['correct horse battery staple', 'ünusual/preset+key=123~!'])('may be any text that somebody chose: %s', async (preset) => {
    await app.keys.ensure(preset, { name: 'odd', role: 'viewer' });

    // As curl sends it: the bytes of its UTF-8 form.
    expect((await app.fetch('/things', { headers: { authorization: `Bearer ${Buffer.from(preset).toString('latin1')}` } })).status).toBe(200);
  });

  it('that nobody holds is refused, also when it is sent again', async () => {
    for (let i = 0; i < 3; i++) expect((await app.fetch('/things', { key: 'cnd_nobody-has-ever-made-this-key' })).status).toBe(401);
  });
});

describe('while Redis is away', () => {
  it('known keys go on working, and what cannot be known is not called wrong', async () => {
    const proxy = new RedisProxy();
    await proxy.open();
    const app = await TestApp.start(ThingsModule, { env: { REDIS_URL: proxy.url } });
    const [used, unused] = [await app.keyOf('viewer'), await app.keyOf('viewer')];
    await app.fetch('/things', { key: used });
    await proxy.cut();
    await eventually(() => expect(app.running.context.connections.isReady).toBe(false));

    expect((await app.fetch('/things', { key: used })).status).toBe(200);
    expect((await app.fetch('/things', { key: unused })).status).toBe(200);
    const unknowable = await app.fetch('/things', { key: 'cnd_made-elsewhere-just-now-perhaps' });
    expect([unknowable.status, await unknowable.json()]).toEqual([503, expect.objectContaining({ code: 'redis-unavailable' })]);
    expect(unknowable.headers.get('retry-after')).toBe('2');
    const ready = await app.fetch('/health/ready');
    expect([ready.status, await ready.json()]).toEqual([503, expect.objectContaining({ status: 'error', error: { redis: expect.objectContaining({ status: 'down', message: 'Redis is not reachable' }) } })]);
    expect((await app.fetch('/health/live')).status).toBe(200);

    await proxy.open();
    await eventually(async () => expect((await app.fetch('/health/ready')).status).toBe(200));
    expect((await app.fetch('/things', { key: 'cnd_made-elsewhere-just-now-perhaps' })).status).toBe(401);
    await app.end();
    await proxy.cut();
  });

  it('an app can still be stopped', async () => {
    const proxy = new RedisProxy();
    await proxy.open();
    const app = await TestApp.start(ThingsModule, { env: { REDIS_URL: proxy.url } });
    await proxy.cut();
    await eventually(() => expect(app.running.context.connections.isReady).toBe(false));
    const start = Date.now();
    await app.end();

    expect(Date.now() - start).toBeLessThan(2_000);
  });
});
