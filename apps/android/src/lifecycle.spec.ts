import { until } from '@conductor/testing';
import { AndroidStage } from './testing/stage';

describe('a platform that goes and comes', () => {
  let stage: AndroidStage;

  beforeAll(async () => {
    stage = await AndroidStage.open({ pingMs: 100 });
  });
  afterAll(() => stage.close());

  it('sends its phones away, answers 503 while it is gone, and takes up where it was', async () => {
    const phone = await stage.phone('ada');
    const line = await stage.line(phone);

    await stage.router.directory.desire('android', { enabled: false, reason: 'for a test' });

    expect((await line.closes()).code).toBe(1012);
    await stage.router.untilState('android', 'disabled');
    const refused = await stage.call('POST', '/v1/messages', { body: { content: 'x' }, key: phone.accessToken });
    expect([refused.status, refused.body['code']]).toEqual([503, 'platform-unavailable']);
    expect(refused.headers.get('retry-after')).toBe('5');
    expect((await stage.asOperator('GET', '/v1/devices')).status).toBe(503);
    expect((await stage.dial({ headers: { authorization: `Bearer ${phone.accessToken}` } }).closes()).code).toBe(1013);

    await stage.router.directory.desire('android', { enabled: true });
    await stage.router.untilState('android', 'ready');
    const back = await stage.line(phone);
    await stage.unasked('ada', 'welcome back');
    await until(() => expect(back.texts).toEqual(['welcome back']));
  });

  it('lets a phone that waits for its answer know that it goes', async () => {
    const phone = await stage.phone('ben');
    stage.brain.answers = false;
    const waiting = stage.send(phone, { content: 'x', waitForAnswer: true, deadlineMs: 20_000 });
    await until(() => expect(stage.brain.received.some(({ user }) => user === 'ben')).toBe(true));
    stage.brain.answers = true;

    await stage.router.directory.desire('android', { enabled: false });

    expect(await waiting).toMatchObject({ status: 503, body: { code: 'platform-unavailable', request: { state: 'accepted' } } });
    await stage.router.untilState('android', 'disabled');
    await stage.router.directory.desire('android', { enabled: true });
    await stage.router.untilState('android', 'ready');
  });

  it('closes a socket that does not answer its pings, and keeps one that does', async () => {
    const phone = await stage.phone('cleo');
    const [dead, living] = [await stage.line(phone), await stage.line(phone)];
    // A phone without signal: its socket is open and nobody reads it.
    dead.ws.pause();

    await until(async () => expect((await stage.router.settled(await stage.unasked('cleo', 'hello?'))).answer).toMatchObject({ delivered: 1 }));

    expect(living.closed).toBeUndefined();
  });
});

it('a process that stops sends its phones away and stops at once', async () => {
  const stage = await AndroidStage.open();
  const line = await stage.line(await stage.phone('ada'));

  const started = performance.now();
  await stage.app.stop();

  expect((await line.closes()).code).toBe(1012);
  expect(performance.now() - started).toBeLessThan(3_000);
  await stage.close();
});
