import { until } from '@conductor/testing';
import type { HistoryItem } from './messages/history-item';
import { AndroidStage } from './testing/stage';

let stage: AndroidStage;

beforeAll(async () => {
  stage = await AndroidStage.open();
});
afterAll(() => stage.close());

let users = 0;
const newUser = () => `user-${++users}`;

describe('deliveries', () => {
  it('that nobody asked for reach every device of the user, and nobody else', async () => {
    const [user, other] = [newUser(), newUser()];
    const [first, second, stranger] = await Promise.all([user, user, other].map(async (name) => stage.line(await stage.phone(name))));

    const record = await stage.router.settled(await stage.unasked(user, 'good morning'));

    expect(record.answer).toEqual({ delivered: 2, position: 1, push: 'off' });
    for (const line of [first!, second!]) expect(await line.next('message')).toMatchObject({ content: { text: 'good morning' }, position: 1 });
    expect(stranger!.texts).toEqual([]);
  });

  it('are kept when no phone is there', async () => {
    const user = newUser();
    const record = await stage.router.settled(await stage.unasked(user, 'are you there?'));

    expect(record.answer).toEqual({ delivered: 0, position: 1, push: 'off' });
    const line = await stage.line(await stage.phone(user), { after: 0 });
    expect(await line.next('message')).toMatchObject({ content: { text: 'are you there?' } });
  });

  it('without a user are given up at once', async () => {
    const record = await stage.router.ask('android', { content: 'to whom?' });

    expect(record).toMatchObject({ state: 'dead-lettered', code: 'no-recipient' });
  });

  it('reach sockets of another instance, and the answer a phone waits for there', async () => {
    const user = newUser();
    const phone = await stage.phone(user);
    const elsewhere = await stage.another();
    const [here, there] = [await stage.line(phone), await stage.line(phone, { url: elsewhere.url })];

    for (let n = 1; n <= 6; n++) await stage.router.settled(await stage.unasked(user, `${n}`));

    await until(() => expect(here.texts).toEqual(['1', '2', '3', '4', '5', '6']));
    await until(() => expect(there.texts).toEqual(['1', '2', '3', '4', '5', '6']));
    for (const { url } of [elsewhere, stage.app, elsewhere, stage.app]) {
      expect((await stage.call('POST', '/v1/messages', { url, key: phone.accessToken, body: { content: 'x', waitForAnswer: true } })).status).toBe(200);
    }
    await elsewhere.stop();
  });

  it('are made good when the way between the instances was broken', async () => {
    const user = newUser();
    const elsewhere = await stage.another();
    const line = await stage.line(await stage.phone(user));

    stage.app.context.connections.subscriber.disconnect(true);
    await Promise.all(Array.from({ length: 20 }, (_, n) => stage.unasked(user, `${n}`)));

    await until(() => expect(line.positions).toEqual(Array.from({ length: 20 }, (_, n) => n + 1)));
    await elsewhere.stop();
  });

  it('that come again change nothing', async () => {
    const user = newUser();
    const line = await stage.line(await stage.phone(user));
    const first = await stage.router.settled(await stage.unasked(user, 'once', `again-${users}`));

    // As after a crash between the delivery and its settlement.
    await stage.router.context.connections.commands.hset(`${stage.config.namespace}:request:{again-${users}}`, 'state', 'queued');
    const second = await stage.router.settled(await stage.unasked(user, 'once', `again-${users}`));
    await stage.router.settled(await stage.unasked(user, 'then'));

    expect(second.answer).toEqual(first.answer);
    await until(() => expect(line.texts).toContain('then'));
    expect(line.texts).toEqual(['once', 'then']);
  });
});

describe('a delivery that broke off in the middle', () => {
  const breakOff = async (id: string, mark: object) => {
    const { commands } = stage.router.context.connections;
    await commands.set(`${stage.config.namespace}:storage:android:kept:${id}`, JSON.stringify(mark));
    await commands.hset(`${stage.config.namespace}:request:{${id}}`, 'state', 'queued');
  };

  it('before it was in the history is carried out', async () => {
    const user = newUser();
    await breakOff(`before-${user}`, { user });

    const record = await stage.router.settled(await stage.unasked(user, 'hello', `before-${user}`));

    expect(record.answer).toMatchObject({ position: 1 });
  });

  it('when it was in the history already is not put there again', async () => {
    const user = newUser();
    await stage.router.settled(await stage.unasked(user, 'hello', `after-${user}`));
    await stage.router.settled(await stage.unasked(user, 'another'));
    await breakOff(`after-${user}`, { user });

    const record = await stage.router.settled(await stage.unasked(user, 'hello', `after-${user}`));

    expect(record.answer).toMatchObject({ position: 1 });
    const line = await stage.line(await stage.phone(user), { after: 0 });
    await until(() => expect(line.texts).toEqual(['hello', 'another']));
  });
});

describe('a phone that was away', () => {
  it('gets what it missed and what comes meanwhile: in order, without a gap, once', async () => {
    const user = newUser();
    const phone = await stage.phone(user);
    const before = await stage.line(phone);
    for (let n = 1; n <= 3; n++) await stage.router.settled(await stage.unasked(user, `${n}`));
    await until(() => expect(before.texts).toHaveLength(3));
    await before.hangUp();
    for (let n = 4; n <= 40; n++) await stage.unasked(user, `${n}`);

    const flood = Promise.all(Array.from({ length: 60 }, (_, n) => stage.unasked(user, `${n + 41}`)));
    const lines = await Promise.all(Array.from({ length: 5 }, () => stage.line(phone, { after: 3 })));
    const resumed = await stage.line(phone);
    resumed.say({ type: 'resume', after: 3 });
    await flood;

    for (const line of [...lines, resumed]) {
      await until(() => expect(line.positions).toHaveLength(97));
      expect(line.positions).toEqual(Array.from({ length: 97 }, (_, n) => n + 4));
      expect(new Set(line.texts).size).toBe(97);
    }
  });

  it('may resume late and gets nothing twice', async () => {
    const user = newUser();
    await stage.router.settled(await stage.unasked(user, 'missed'));
    const line = await stage.line(await stage.phone(user));
    await until(async () => {
      await stage.unasked(user, 'live');
      expect(line.texts).toContain('live');
    });

    line.say({ type: 'resume', after: 0 });

    await until(() => expect(line.texts).toContain('missed'));
    expect(new Set(line.positions).size).toBe(line.texts.length);
  });

  it('that knows positions from before a loss of the store is not deaf', async () => {
    const user = newUser();
    await stage.router.settled(await stage.unasked(user, 'one'));
    const line = await stage.line(await stage.phone(user), { after: 4_711 });

    await stage.unasked(user, 'two');

    await until(() => expect(line.texts).toEqual(['two']));
  });
});

describe('receipts and typing', () => {
  it('go to the other devices, and stay on the message', async () => {
    const user = newUser();
    const [phone, tablet] = [await stage.phone(user), await stage.phone(user)];
    const [onPhone, onTablet] = [await stage.line(phone), await stage.line(tablet)];
    const id = await stage.unasked(user, 'hello');
    await onPhone.next('message');

    onPhone.say({ type: 'delivered', id });
    onPhone.say({ type: 'read', id });
    onPhone.say({ type: 'typing' });

    expect(await onTablet.next('receipt', ({ receipt }) => receipt === 'read')).toMatchObject({ id, deviceId: phone.deviceId });
    expect(await onTablet.next('typing')).toMatchObject({ conversation: `android_${user}`, deviceId: phone.deviceId });
    expect(onPhone.of('receipt')).toEqual([]);
    const { body } = await stage.call<{ items: HistoryItem[] }>('GET', '/v1/messages', { key: tablet.accessToken });
    expect(body.items).toEqual([expect.objectContaining({ id, deliveredAt: expect.any(Number), readAt: expect.any(Number) })]);
  });

  it('for messages of somebody else are refused', async () => {
    const [mine, theirs] = [newUser(), newUser()];
    const id = await stage.unasked(theirs, 'not yours');
    await stage.router.settled(id);
    const line = await stage.line(await stage.phone(mine));

    line.say({ type: 'read', id });

    expect(await line.next('rejected')).toMatchObject({ id, code: 'not-found' });
  });
});
