import { randomUUID } from 'node:crypto';
import { QueueProducer } from '@conductor/bus';
import { inboundQueue, type Request, type RequestRecord } from '@conductor/contracts';
import { DeliveryFailure } from '@conductor/platform-kit';
import { until } from '@conductor/testing';
import { RouterHarness, type ScriptedPlatform } from '../testing/harness';

type Body = { id: string; answer: { text: string }; code: string; request: { id: string } };

describe('what several callers send', () => {
  let system: RouterHarness;
  let discord: ScriptedPlatform;
  let android: ScriptedPlatform;
  let [ann, ben, viewer] = ['', '', ''];
  let inbound: QueueProducer<typeof inboundQueue>;

  beforeAll(async () => {
    system = await RouterHarness.start();
    discord = await system.platform('discord');
    android = await system.platform('android');
    [ann, ben, viewer] = [await system.createKey('ingress', { name: 'ann' }), await system.createKey('ingress', { name: 'ben', sources: ['shop'] }), await system.createKey('viewer')];
    const { connections } = system.routers[0]!.context;
    inbound = new QueueProducer(inboundQueue, connections.forProducer(), connections.namespace);
    await connections.untilReady();
  });
  afterAll(async () => {
    await inbound.close();
    await system.stop();
  });

  const newId = () => `order-${randomUUID()}`;
  const send = (key: string, body: object) => system.send<Body>({ target: 'discord', kind: 'message', ...body }, { key });
  const read = async (key: string | undefined, id: string) => system.get<RequestRecord>(`/v1/requests/${id}`, key);
  const record = async (key: string | undefined, id: string) => (await read(key, id)).body;

  it('under the same id are two messages: each caller gets its own answer, again too, and reads its own', async () => {
    const id = newId();
    const first = await send(ann, { id, content: 'of ann' });
    const second = await send(ben, { id, content: 'of ben' });
    const again = [await send(ann, { id, content: 'of ann' }), await send(ben, { id, content: 'of ben' })];

    expect([first, second, ...again].map(({ status, body }) => [status, body.id, body.answer.text])).toEqual([[200, id, 'discord heard of ann'], [200, id, 'discord heard of ben'], [200, id, 'discord heard of ann'], [200, id, 'discord heard of ben']]);
    expect(discord.asked.filter(({ content }) => ['of ann', 'of ben'].includes(String(content)))).toHaveLength(2);
    expect([await record(ann, id), await record(ben, id)]).toMatchObject([{ id, request: { id, content: 'of ann' } }, { id, request: { id, content: 'of ben' } }]);
    expect((await send(ben, { id, content: 'something else' })).body).toMatchObject({ code: 'id-conflict', request: { id } });
  });

  it('under the same id keep their large contents apart, also when one of them is gone', async () => {
    const id = newId();
    const [of, alike] = [(letter: string) => letter.repeat(100_000), newId()];
    discord.behave = async ({ content }) => ({ text: `${String(content)[0]}${String(content).length}` });
    const replies = [await send(ann, { id, content: of('a') }), await send(ben, { id, content: of('b') }), await send(ann, { id: alike, content: of('c') }), await send(ben, { id: alike, content: of('c') })];
    discord.behave = async (request) => ({ text: `discord heard ${String(request.content)}` });

    expect(replies.map(({ body }) => body.answer.text)).toEqual(['a100000', 'b100000', 'c100000', 'c100000']);
    expect([await record(ann, id), await record(ben, id), await record(ann, alike), await record(ben, alike)].map(({ request }) => request.content)).toEqual(['a', 'b', 'c', 'c'].map(of));
  });

  it('can be read by the key they came with and by those who watch, by nobody else', async () => {
    const { body } = await send(ann, { content: 'a secret' });

    expect((await read(ann, body.id)).status).toBe(200);
    expect((await read(viewer, body.id)).status).toBe(200);
    expect((await read(undefined, body.id)).status).toBe(200);
    expect((await read(ben, body.id)).status).toBe(404);
    expect(await record(ben, body.id)).toMatchObject({ code: 'not-found' });
  });

  it('under the same id have ids of their own where people see all of them', async () => {
    const id = newId();
    discord.behave = async () => {
      throw DeliveryFailure.never({ code: 'chat-not-found', message: 'there is no such chat' });
    };
    for (const key of [ann, ben]) expect((await send(key, { id, content: 'lost' })).body.request.id).toBe(id);
    discord.behave = async (request) => ({ text: `discord heard ${String(request.content)}` });

    const letters = [await system.deadLetters.get(id), ...(await system.deadLetters.page({}, 100)).items.filter((letter) => letter.id.startsWith(`${id}.by-`))];
    expect(letters.map((letter) => letter?.request.owner)).toEqual([(await record(ann, id)).request.owner, (await record(ben, id)).request.owner]);
    expect(await record(viewer, letters[1]!.id)).toMatchObject({ id: letters[1]!.id, state: 'dead-lettered', request: { owner: letters[1]!.request.owner } });
    expect((await read(ann, letters[1]!.id)).status).toBe(404);
    expect((await send(ann, { id: letters[1]!.id, content: 'an id that names an owner' })).status).toBe(400);
  });

  it('with the same idempotency key are two messages', async () => {
    const idempotencyKey = randomUUID();
    const [first, second] = [await send(ann, { idempotencyKey, content: 'paid by ann' }), await send(ben, { idempotencyKey, content: 'paid by ben' })];

    expect([first, second].map(({ status, body }) => [status, body.answer.text])).toEqual([[200, 'discord heard paid by ann'], [200, 'discord heard paid by ben']]);
    expect(first.body.id).not.toBe(second.body.id);
  });

  it('cannot pass for answers, for platforms, or for programs of other keys', async () => {
    const codes = async (key: string, body: object) => {
      const reply = await send(key, { content: 'x', ...body });
      return [reply.status, reply.body.code];
    };
    for (const kind of ['answer', 'failure']) expect(await codes(ann, { kind })).toEqual([403, 'forbidden']);
    for (const source of ['android', 'discord', 'brain', 'router', 'shop', 'ben']) expect(await codes(ann, { source })).toEqual([403, 'forbidden']);
    for (const [key, source] of [[ann, 'ann'], [ben, 'shop'], [ben, 'rest']] as const) expect((await send(key, { source, content: 'x' })).status).toBe(200);
  });

  it('are known to their platform by who sent them, whatever they say of themselves', async () => {
    const content = randomUUID();
    await send(ann, { content, user: 'bob', conversation: 'android_bob' });

    expect(discord.asked.find((asked) => asked.content === content)).toMatchObject({ owner: expect.stringMatching(/^key\/key-/), user: 'bob' });
  });

  const emitted = (overrides: Partial<Request>): Request => ({ id: newId(), target: 'discord', source: 'android', owner: 'platform/android/user/ada', user: 'ada', kind: 'message', content: 'hi', keyed: true, deadlineMs: 5_000, waitFor: 'acceptance', receivedAt: Date.now(), trace: randomUUID(), replyTo: { platform: 'android' }, ...overrides });
  const bring = (request: Request) => inbound.add(`j-${randomUUID()}`, { items: [{ type: 'request', request }] });
  const back = (user: string, inReplyTo: string) => android.asked.filter((asked) => asked.user === user && asked.inReplyTo === inReplyTo);

  it('from two users of a platform under one id are two messages, each answered under the id that its user chose', async () => {
    const { id } = emitted({});
    await bring(emitted({ id }));
    await until(() => expect(back('ada', id)).toHaveLength(1));
    await bring(emitted({ id, user: 'bob', owner: 'platform/android/user/bob', content: 'from bob' }));

    await until(() => expect(back('bob', id)).toMatchObject([{ kind: 'answer', content: { text: 'discord heard from bob' } }]));
    expect((await read(ann, id)).status).toBe(404);
  });

  it('from one user under an id of another message of his are answered with a failure, however often they come', async () => {
    const { id } = emitted({});
    await bring(emitted({ id }));
    await until(() => expect(back('ada', id)).toMatchObject([{ kind: 'answer' }]));
    await bring(emitted({ id, content: 'another one' }));

    await until(() => expect(back('ada', id)).toMatchObject([{ kind: 'answer' }, { kind: 'failure', content: { code: 'id-conflict', failed: true } }]));
    expect(discord.asked.filter(({ content }) => content === 'another one')).toHaveLength(0);
    expect(await record(undefined, id)).toMatchObject({ state: 'answered', request: { content: 'hi' } });
  });
});
