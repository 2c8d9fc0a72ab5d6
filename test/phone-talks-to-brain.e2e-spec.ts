import { until } from '@conductor/testing';
import { Phone } from './support/phone';
import { System } from './support/system';

describe('a phone talks to the brain', () => {
  let system: System;
  const phones: Phone[] = [];
  const phoneOf = async (user: string) => {
    const phone = await Phone.of(system, user);
    phones.push(phone);
    return phone;
  };
  beforeAll(async () => (system = await System.start()), 120_000);
  afterEach(async () => {
    for (const phone of phones.splice(0)) await phone.hangUp();
  });
  afterAll(() => system.stop(), 30_000);

  it('says something and hears the answer, through android, the router and the brain, with nothing configured', async () => {
    const line = await (await phoneOf('ada')).connect();
    line.say({ type: 'message', id: 'm-ada-1', content: 'Hello from my phone', conversation: 'talk-1' });
    await line.next('accepted');
    const answer = await line.next('answer');

    expect(answer).toMatchObject({ inReplyTo: 'm-ada-1', conversation: 'talk-1', content: { text: expect.stringMatching(/echo.*Hello from my phone/i) } });
    const [asked, answered] = await Promise.all([system.settled('m-ada-1'), system.settled('m-ada-1.answer')]);
    expect(asked).toMatchObject({ state: 'answered', platform: 'brain', request: { source: 'android', user: 'ada' } });
    expect(answered).toMatchObject({ state: 'answered', platform: 'android', request: { source: 'router', inReplyTo: 'm-ada-1', trace: asked.request.trace } });
  });

  it('hears once, although it says the same twice', async () => {
    const line = await (await phoneOf('bob')).connect();
    for (let time = 0; time < 2; time++) {
      line.say({ type: 'message', id: 'm-bob-1', content: 'Did you hear me?' });
      await until(() => expect(line.of('accepted')).toHaveLength(time + 1));
    }
    await line.next('answer');
    line.say({ type: 'message', id: 'm-bob-2', content: 'And now?' });
    await line.next('answer', ({ inReplyTo }) => inReplyTo === 'm-bob-2');

    expect(line.items.map(({ inReplyTo }) => inReplyTo)).toEqual(['m-bob-1', 'm-bob-2']);
  });

  it('gets what nobody asked for, sent by REST', async () => {
    const line = await (await phoneOf('cleo')).connect();
    const { status, body } = await system.send({ target: 'android', user: 'cleo', content: { text: 'Your tea is ready' } });
    const message = await line.next('message');

    expect([status, body]).toEqual([200, expect.objectContaining({ platform: 'android', answer: expect.objectContaining({ delivered: 1 }) })]);
    expect(message).toMatchObject({ kind: 'message', content: { text: 'Your tea is ready' } });
    expect(message).not.toHaveProperty('inReplyTo');
  });

  it('gets what it missed when it comes back, in order and once, with what comes meanwhile', async () => {
    const phone = await phoneOf('dora');
    const line = await phone.connect();
    await system.send({ target: 'android', user: 'dora', content: 'one' });
    const { position } = await line.next('message');
    await line.hangUp();
    for (const content of ['two', 'three']) await system.send({ target: 'android', user: 'dora', content });
    const back = await phone.connect(position);
    await system.send({ target: 'android', user: 'dora', content: 'four' });

    await until(() => expect(back.items.map(({ content }) => content)).toEqual(['two', 'three', 'four']));
    expect(back.positions).toEqual([position + 1, position + 2, position + 3]);
    expect((await phone.history()).items.map(({ content }) => content)).toEqual(['one', 'two', 'three', 'four']);
  });

  it('misses nothing when the app of the phones is killed', async () => {
    const phone = await phoneOf('eve');
    const line = await phone.connect();
    line.say({ type: 'message', id: 'm-eve-1', content: 'before' });
    const { position } = await line.next('answer');
    const killed = system.kill('android');
    await line.closes();
    await system.send({ id: 'to-eve-1', target: 'android', user: 'eve', content: 'while it was away', waitFor: 'acceptance' });
    await system.untilBack('android', killed);
    await system.settled('to-eve-1', 30_000);
    const back = await phone.connect(position);

    expect(await back.next('message')).toMatchObject({ id: 'to-eve-1', position: position + 1, content: 'while it was away' });
  }, 60_000);

  it('is told when its message cannot be taken', async () => {
    const line = await (await phoneOf('fay')).connect();
    line.say({ type: 'message', id: 'm-fay-1', content: '' });

    expect(await line.next('rejected')).toMatchObject({ code: 'invalid-request' });
    expect(await line.next('rejected')).not.toHaveProperty('position');
  });

  it('is locked out with a wrong key, and no operator’s key opens its door', async () => {
    const phone = await phoneOf('gil');
    const wrong = await phone.ask('/v1/login', { method: 'POST', body: { deviceId: phone.device.deviceId, deviceKey: 'wrong' } });
    const admin = await system.ask('android', '/v1/messages');

    expect([wrong.status, admin.status]).toEqual([401, 401]);
  });
});
