import { checkPlatformContract } from '@conductor/platform-kit';
import { createLogger } from '@conductor/observability';
import { until } from '@conductor/testing';
import { androidDefaults } from './android-config';
import { assemble } from './assemble';
import { AndroidStage } from './testing/stage';

let stage: AndroidStage;

beforeAll(async () => {
  stage = await AndroidStage.open();
});
afterAll(() => stage.close());

/** Nobody else's, so that tests do not meet. */
let users = 0;
const newUser = () => `user-${++users}`;

describe('messages', () => {
  it('come in as messages of the user, and the answer goes over the socket and into the history', async () => {
    const user = newUser();
    const phone = await stage.phone(user);
    const line = await stage.line(phone);

    const { status, body } = await stage.send(phone, { content: 'hello' });

    expect(status).toBe(202);
    expect(body).toEqual({ id: expect.any(String), status: 'accepted' });
    const answer = await line.next('answer');
    expect(answer).toMatchObject({ inReplyTo: body['id'], conversation: `android_${user}`, content: { text: 'Echo: hello' }, position: 1, at: expect.any(Number) });
    expect(stage.brain.received.find(({ id }) => id === body['id'])).toMatchObject({ source: 'android', user, kind: 'message', conversation: `android_${user}`, replyTo: { platform: 'android' } });
    const history = await stage.call('GET', '/v1/messages?after=0', { key: phone.accessToken });
    expect(history.body).toEqual({ items: [answer], next: 1 });
  });

  it('are answered in the same call for a phone that waits', async () => {
    const phone = await stage.phone(newUser());

    const { status, body } = await stage.send(phone, { id: `wait-${phone.deviceId}`, content: { text: 'hello' }, waitForAnswer: true });

    expect(status).toBe(200);
    expect(body).toMatchObject({ id: `wait-${phone.deviceId}`, status: 'answered', answer: { content: { text: 'Echo: hello' } } });
  });

  it('that nobody will answer are said to be so, to a phone that waits and over the socket', async () => {
    const phone = await stage.phone(newUser());
    const line = await stage.line(phone);
    stage.brain.answers = false;
    const waiting = stage.send(phone, { id: `fail-${phone.deviceId}`, content: 'hello', waitForAnswer: true });
    const request = await until(() => {
      const received = stage.brain.received.find(({ id }) => id === `fail-${phone.deviceId}`);
      expect(received).toBeDefined();
      return received!;
    });
    await stage.brain.fail(request);
    stage.brain.answers = true;

    expect(await waiting).toMatchObject({ status: 502, body: { code: 'delivery-failed', detail: expect.stringContaining('the brain is away'), request: { id: request.id, state: 'dead-lettered' } } });
    expect(await line.next('message')).toMatchObject({ kind: 'failure', inReplyTo: request.id });
  });

  it('whose answer comes after the deadline get a problem, and the answer over the socket', async () => {
    const phone = await stage.phone(newUser());
    const line = await stage.line(phone);
    stage.brain.answers = false;
    try {
      const { status, body } = await stage.send(phone, { content: 'hello', waitForAnswer: true, deadlineMs: 100 });

      expect(status).toBe(504);
      expect(body).toMatchObject({ code: 'deadline-exceeded', request: { state: 'accepted' } });
      const { id } = body['request'] as { id: string };
      await stage.brain.answer(await until(() => stage.brain.received.find((request) => request.id === id)!));
      expect(await line.next('answer')).toMatchObject({ inReplyTo: id });
    } finally {
      stage.brain.answers = true;
    }
  });

  it('are accepted over the socket too', async () => {
    const line = await stage.line(await stage.phone(newUser()));

    line.say({ type: 'message', id: `over-socket-${users}`, content: 'hello' });

    expect(await line.next('accepted')).toEqual({ type: 'accepted', id: `over-socket-${users}` });
    expect(await line.next('answer')).toMatchObject({ inReplyTo: `over-socket-${users}` });
  });

  it('that arrive twice come in once', async () => {
    const phone = await stage.phone(newUser());
    const message = { id: `twice-${users}`, content: 'hello' };

    expect((await stage.send(phone, message)).status).toBe(202);
    expect((await stage.send(phone, message)).status).toBe(202);
    await stage.send(phone, { content: 'the last', waitForAnswer: true });

    expect(stage.brain.received.filter(({ id }) => id === message.id)).toHaveLength(1);
  });

  it('with the id of another message of the same user are refused; ids of others block nobody', async () => {
    const [phone, stranger] = [await stage.phone(newUser()), await stage.phone(newUser())];
    await stage.send(phone, { id: `taken-${users}`, content: 'hello' });

    const other = await stage.send(phone, { id: `taken-${users}`, content: 'something else' });
    const foreign = await stage.send(stranger, { id: `taken-${users}`, content: 'hello' });

    expect([other.status, other.body['code'], foreign.status, foreign.body['id']]).toEqual([409, 'id-conflict', 202, `taken-${users}`]);
    await until(() => expect(stage.brain.received.filter(({ id }) => id === `taken-${users}`).map(({ owner, user }) => [owner, user])).toEqual([phone, stranger].map(({ user }) => [`platform/android/user/${user}`, user])));
  });

  it('name conversations of their own user only, over HTTP and over a socket', async () => {
    const [phone, stranger] = [await stage.phone(newUser()), await stage.phone(newUser())];
    const line = await stage.line(phone);

    const refused = await stage.send(phone, { content: 'what did I say?', conversation: `android_${stranger.user}` });
    line.say({ type: 'message', id: `intruding-${users}`, content: 'what did I say?', conversation: `android_${stranger.user}` });

    expect([refused.status, refused.body['code']]).toEqual([403, 'forbidden']);
    expect(await line.next('rejected')).toMatchObject({ id: `intruding-${users}`, code: 'forbidden' });
    expect((await stage.send(phone, { content: 'hello', conversation: `android_${phone.user}` })).status).toBe(202);
    expect((await stage.send(phone, { content: 'hello', conversation: 'holiday' })).status).toBe(202);
  });

  it('are limited to ten a minute and user, and told when to come again', async () => {
    const phone = await stage.phone(newUser());
    const line = await stage.line(phone);
    const sent = await Promise.all(Array.from({ length: 10 }, () => stage.send(phone, { content: 'hello' })));

    const { status, body, headers } = await stage.send(phone, { content: 'one more' });
    line.say({ type: 'message', id: `eleventh-${users}`, content: 'one more' });

    expect(sent.map((reply) => reply.status)).toEqual(Array(10).fill(202));
    expect([status, body['code']]).toEqual([429, 'rate-limited']);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await line.next('rejected')).toMatchObject({ id: `eleventh-${users}`, code: 'rate-limited' });
    expect((await stage.send(await stage.phone(newUser()), { content: 'another user' })).status).toBe(202);
  });

  it.each([
    ['content', {}],
    ['id', { id: 'with:colon', content: 'x' }],
    ['id', { id: `m-${'x'.repeat(119)}`, content: 'x' }],
    ['id', { id: 'somebodys.answer', content: 'x' }],
    ['colour', { content: 'x', colour: 'red' }],
    ['deadlineMs', { content: 'x', deadlineMs: 0 }],
  ])('with a wrong %s are refused by name', async (field, message) => {
    const { status, body } = await stage.send(await stage.phone(newUser()), message);

    expect(status).toBe(400);
    expect(body['errors']).toEqual([expect.objectContaining({ field })]);
  });

  it('need a token', async () => {
    expect((await stage.call('POST', '/v1/messages', { body: { content: 'x' } })).status).toBe(401);
    expect((await stage.call('GET', '/v1/messages', { key: 'acc_wrong' })).body).toMatchObject({ code: 'unauthenticated' });
  });
});

describe('while Redis is away', () => {
  it('nothing is accepted, and the phone is told so', async () => {
    const phone = await stage.phone(newUser());
    const line = await stage.line(phone);
    const { commands } = stage.app.context.connections;
    commands.disconnect();
    try {
      const { status, body, headers } = await stage.send(phone, { content: 'x' });
      line.say({ type: 'message', id: `lost-${users}`, content: 'x' });

      expect([status, body['code'], headers.get('retry-after')]).toEqual([503, 'redis-unavailable', '2']);
      expect(await line.next('rejected')).toMatchObject({ id: `lost-${users}`, code: 'redis-unavailable' });
    } finally {
      await commands.connect();
    }
    line.say({ type: 'message', id: `lost-${users}`, content: 'x' });
    expect(await line.next('answer')).toMatchObject({ inReplyTo: `lost-${users}` });
  });
});

describe('the platform', () => {
  it('keeps the contract of platforms', async () => {
    const push = { isOpen: true, open: async () => {}, publish: async () => {}, close: async () => {} };
    const { definition } = assemble(push, androidDefaults, createLogger({ app: 'android', level: 'silent' }));

    expect(await checkPlatformContract(definition, { user: 'ada' })).toEqual([]);
  });

  it('says how many sockets it holds when it is asked how it is', async () => {
    await stage.line(await stage.phone(newUser()));

    const [report] = await stage.router.check();

    expect(report).toMatchObject({ lifecycle: 'ready', health: { status: 'ok', details: { sockets: expect.any(Number) } } });
  });
});
