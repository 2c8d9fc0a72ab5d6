import { LARGE_BODY_BYTES, QueueProducer } from '@conductor/bus';
import { platformQueue, type RequestRecord } from '@conductor/contracts';
import { until } from '@conductor/testing';
import { RouterHarness, type ScriptedPlatform } from './testing/harness';

const KB = 1_024;
const large = (name: string) => `${name} ${'ä'.repeat(350 * KB)}`;

describe('a message of 0.7 MB', () => {
  let system: RouterHarness;
  let brain: ScriptedPlatform;

  beforeAll(async () => {
    system = await RouterHarness.start();
    brain = await system.platform('brain', { repeatable: true });
  });
  beforeEach(() => {
    brain.asked.length = 0;
    brain.behave = async ({ content }) => ({ text: String(content).slice(0, 5) });
  });
  afterAll(() => system.stop());

  const redis = () => system.routers[0]!.context.connections.commands;
  const bodies = (id: string) => redis().keys(`{${system.config.namespace}.ledger}:${id}:body:*`);
  const send = (more: object = {}) => system.send<{ id: string; answer: { text: string } }>({ kind: 'message', content: large('hello'), ...more });

  it('reaches its platform whole, and travels as its beginning', async () => {
    const producer = new QueueProducer(platformQueue('brain'), redis(), system.config.namespace);
    let travelling = 0;
    brain.behave = async () => {
      const [job] = await producer.queue.getJobs(['active']);
      travelling = JSON.stringify(job!.data).length;
      return { text: 'seen' };
    };

    expect((await send({ id: 'large-1' })).body.answer).toEqual({ text: 'seen' });
    expect(brain.asked).toMatchObject([{ id: 'large-1', content: large('hello') }]);
    expect(brain.asked[0]).not.toHaveProperty('claimCheck');
    expect(travelling).toBeGreaterThan(0);
    expect(travelling).toBeLessThan(LARGE_BODY_BYTES);
    await producer.close();
  });

  it('is shown whole by its id, kept as long as its record, and leaves nothing behind then', async () => {
    const { body } = await send({ id: 'large-2' });

    expect(await system.record(body.id)).toMatchObject({ state: 'answered', request: { content: large('hello') } });
    const [body1, ...more] = await bodies(body.id);
    expect(more).toEqual([]);
    const [record, kept] = await Promise.all([redis().pttl(`{${system.config.namespace}.ledger}:${body.id}`), redis().pttl(body1!)]);
    expect(Math.abs(record - kept)).toBeLessThan(10_000);
  });

  it('gets an answer of the same size whole, also when it is asked for again', async () => {
    brain.behave = async () => ({ text: large('answer'), more: [1, { deep: true }] });
    const { body } = await send({ idempotencyKey: 'large-answer' });

    expect(body.answer).toEqual({ text: large('answer'), more: [1, { deep: true }] });
    expect((await send({ idempotencyKey: 'large-answer' })).body.answer).toEqual(body.answer);
    expect(await system.record(body.id)).toMatchObject({ answer: body.answer });
    expect(brain.asked).toHaveLength(1);
  });

  it('is not taken for another one that begins alike', async () => {
    expect((await send({ id: 'large-3' })).status).toBe(200);

    expect((await send({ id: 'large-3', content: `${large('hello')}!` })).body.code).toBe('id-conflict');
    expect(await bodies('large-3')).toHaveLength(1);
    expect(await system.record('large-3')).toMatchObject({ request: { content: large('hello') } });
  });

  it('is routed by the beginning of its text', async () => {
    await system.platform('discord');
    await system.use([{ id: 'by-text', target: 'discord', match: { content: '^to discord' } }]);

    expect((await send({ content: { text: large('to discord'), blob: 'x'.repeat(100 * KB) } })).body).toMatchObject({ platform: 'discord' });
    await system.use([]);
  });

  it('is whole when it is tried again, and among the dead letters, for as long as its letter is there', async () => {
    brain.behave = async () => {
      throw new Error('not now');
    };
    expect((await send({ id: 'large-4', deadlineMs: 3_000 })).status).toBe(502);

    expect(brain.asked.length).toBeGreaterThan(1);
    expect(brain.asked.every(({ content }) => content === large('hello'))).toBe(true);
    expect(await system.deadLetters.get('large-4')).toMatchObject({ code: 'unexpected', request: { content: large('hello') } });
    const [body] = await bodies('large-4');
    expect(await redis().pttl(body!)).toBeGreaterThan(system.config.messages.deadLetterRetentionMs);
  });

  it('is carried out whole where its platform is a repeatable one or not', async () => {
    const once = await system.platform('once', { repeatable: false });
    await send({ target: 'once' });

    expect(once.asked).toMatchObject([{ content: large('hello') }]);
  });

  it('goes whole from platform to platform, as does the answer that comes back as a message', async () => {
    const phone = await system.platform('phone');
    phone.behave = async () => ({});
    brain.behave = async () => ({ text: large('answer') });

    const { id } = await phone.context!.emit({ kind: 'message', content: large('from a phone'), user: 'ada', target: 'brain' });

    await until(() => expect(phone.asked).toMatchObject([{ kind: 'answer', inReplyTo: id, user: 'ada', content: { text: large('answer') } }]));
    expect(brain.asked).toMatchObject([{ id, content: large('from a phone') }]);
  });

  it('leaves nothing behind when it is brought in again under its id with another content', async () => {
    const once = await system.platform('emitter');
    const emit = (content: string) => once.context!.emit({ id: 'large-7', kind: 'message', content, target: 'brain' });
    await emit(large('first'));
    await until(() => expect(brain.asked).toHaveLength(1));
    await emit(large('second'));

    await until(async () => expect(await bodies('large-7')).toHaveLength(1));
    expect(brain.asked).toMatchObject([{ content: large('first') }]);
  });

  it('is dead-lettered with a reason when its content was lost', async () => {
    const gate = Promise.withResolvers<void>();
    const slow = await system.platform('slow', { concurrency: 1, attempts: 1 });
    slow.behave = async () => (await gate.promise, { text: 'done' });
    await send({ target: 'slow', waitFor: 'acceptance', content: 'first' });
    await until(() => expect(slow.asked).toHaveLength(1));
    await send({ target: 'slow', waitFor: 'acceptance', id: 'large-6' });
    await redis().del(...(await bodies('large-6')));
    gate.resolve();

    await until(async () => expect(await system.deadLetters.get('large-6')).toMatchObject({ code: 'content-expired', request: { content: expect.stringMatching(/^hello ä{1000}/) } }));
    expect((await system.record('large-6')) satisfies RequestRecord).toMatchObject({ state: 'dead-lettered' });
  });
});
