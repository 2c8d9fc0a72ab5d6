import { Controller, Get, Module } from '@nestjs/common';
import { Allow } from './access';
import { TestApp } from './door.fixture';

@Controller('things')
class Things {
  @Get() @Allow('admin') read() {}
}
@Module({ controllers: [Things] })
class ThingsModule {}

const security = (app: TestApp) =>
  app.log
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ event }) => event === 'security');

describe('security events in the log', () => {
  it('name each log-in with the id of its key', async () => {
    const app = await TestApp.start(ThingsModule, { sessions: true });
    const { id, key } = await app.keys.create({ name: 'Ada', role: 'viewer' });
    await app.fetch('/session', { json: { key } });

    expect(security(app)).toEqual([expect.objectContaining({ action: 'session.open', keyId: id, actor: 'Ada', address: '127.0.0.1' })]);
    await app.end();
  });

  it('tell refusals in numbers, by code and address and key, however many come', async () => {
    const app = await TestApp.start(ThingsModule, { sessions: true });
    const { id, key } = await app.keys.create({ name: 'a viewer', role: 'viewer' });
    for (let n = 0; n < 30; n++) await app.fetch('/things', { key: `wrong-key-number-${n}` });
    for (let n = 0; n < 5; n++) await app.fetch('/things', { key });
    for (let n = 0; n < 3; n++) await app.fetch('/session', { method: 'POST', body: new URLSearchParams({ key: `wrong-${n}` }) });
    const metrics = await (await app.fetch('/metrics')).text();
    await app.end();

    const lines = security(app).map(({ code, keyId, times }) => ({ code, keyId, times }));
    expect(lines).toHaveLength(6);
    expect(lines).toEqual(expect.arrayContaining([
      { code: 'unauthenticated', keyId: undefined, times: 19 },
      { code: 'locked-out', keyId: undefined, times: 12 },
      { code: 'forbidden', keyId: id, times: 4 },
    ]));
    expect(metrics).toMatch(/http_security_refusals_total\{[^}]*code="forbidden"[^}]*\} 5/);
    expect(JSON.stringify(security(app))).not.toContain('wrong-key');
  });
});
