import type { PlatformStage } from '@conductor/testing';
import { hang, openPlatforms, ScriptedPlatform, until, untilAborted } from '@conductor/testing';
import { DeliveryFailure } from './index';
import { untilIdle } from './testing/one-platform';

const details = { code: 'broken-pipe', message: 'the pipe is broken; mend it' };
const fails = (failure: DeliveryFailure) => async () => {
  throw failure;
};

const stages: PlatformStage[] = [];
/** One platform, `p`, that is tried once and has 300 ms for a message, unless `how` says otherwise. */
const open = async (script: Partial<ScriptedPlatform> = {}, how: Parameters<ScriptedPlatform['definition']>[1] = {}) => {
  const platform = Object.assign(new ScriptedPlatform(), script);
  const stage = await openPlatforms([platform.definition('p', { attempts: 1, requestTimeoutMs: 300, ...how })]);
  stages.push(stage);
  const { router } = stage;
  await router.untilState('p', 'ready');
  return { platform, router };
};
afterEach(() => Promise.all(stages.splice(0).map((stage) => stage.close())));

describe('a message that is carried out', () => {
  it('is answered in the ledger and in the inbox of whoever asked', async () => {
    const { router } = await open();
    const record = await router.ask('p', { content: 'hi' });

    expect(record).toMatchObject({ state: 'answered', platform: 'p', answer: { text: 'carried out: hi' } });
    expect(record.trail.map(({ step }) => step)).toEqual(['accepted', 'started', 'answered']);
    await until(() => expect(router.repliesTo(record.id)).toMatchObject([{ final: true, state: 'answered', outcome: { result: 'done', answer: { text: 'carried out: hi' } } }]));
  });

  it('travels back as a message when its sender wants that, and the dispatching router learns the outcome without the answer', async () => {
    const { router } = await open();
    const record = await router.ask('p', { replyTo: { platform: 'android' } });

    expect(await router.inbound()).toContainEqual(expect.objectContaining({ type: 'answer', request: expect.objectContaining({ id: record.id }), answer: { text: 'carried out: hello' } }));
    await until(() => expect(router.repliesTo(record.id)).toMatchObject([{ final: true, outcome: { result: 'done', answer: {} } }]));
  });

  it('is not carried out again when it is delivered again', async () => {
    const { router, platform } = await open();
    const record = await router.ask('p');
    await router.send('p', { id: record.id });
    await router.ask('p');

    expect(platform.timesAsked(record.id)).toBe(1);
  });

  it('is carried out once when two parcels, or one parcel twice, hold it', async () => {
    const { router, platform } = await open({ onRequest: () => new Promise((resolve) => setTimeout(resolve, 100, { text: 'slow' })) });
    const twice = await router.sendParcel('p', [{ id: 'twice-in-one' }, { id: 'twice-in-one' }]);
    await Promise.all([router.send('p', { id: 'in-two' }), router.send('p', { id: 'in-two' })]);

    expect(await router.settled(twice[0]!)).toMatchObject({ state: 'answered' });
    expect(await router.settled('in-two')).toMatchObject({ state: 'answered' });
    await untilIdle(router);
    expect([platform.timesAsked('twice-in-one'), platform.timesAsked('in-two')]).toEqual([1, 1]);
    expect(await router.letter('twice-in-one')).toBeUndefined();
  });
});

describe('a message that fails', () => {
  it.each<[string, DeliveryFailure, string, string]>([
    ['and must never be tried again', DeliveryFailure.never(details), 'failed', 'broken-pipe'],
    ['and has no attempt left', DeliveryFailure.retry(details), 'failed', 'broken-pipe'],
    ['with an unknown outcome', DeliveryFailure.unknown(details), 'unknown', 'broken-pipe'],
  ])('%s is a dead letter with every attempt, and its router hears it', async (_, failure, step, code) => {
    const { router } = await open({ onRequest: fails(failure) });
    const record = await router.ask('p');

    expect(record).toMatchObject({ state: 'dead-lettered', code, reason: details.message });
    const letter = await router.letter(record.id);
    expect(letter).toMatchObject({ platform: 'p', code, reason: details.message, request: { id: record.id, content: 'hello' } });
    expect(letter!.attempts.map((attempt) => attempt.step)).toEqual(['accepted', 'started', step]);
    expect(letter!.attempts.at(-1)).toMatchObject({ platform: 'p', attempt: 1, code, message: details.message });
    await until(() => expect(router.repliesTo(record.id)).toMatchObject([{ final: true, state: 'dead-lettered', outcome: { result: failure.outcome.result, code } }]));
  });

  it('is tried again after a pause, and each attempt counts', async () => {
    const { router, platform } = await open({ onRequest: async ({ attempt }) => {
      if (attempt === 1) throw DeliveryFailure.retry(details);
      return { text: 'at last' };
    } }, { attempts: 2 });
    const record = await router.ask('p');

    expect(record).toMatchObject({ state: 'answered', answer: { text: 'at last' } });
    expect(platform.requests.map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(record.trail.map(({ step }) => step)).toEqual(['accepted', 'started', 'retry', 'started', 'answered']);
    expect(record.trail[3]!.at - record.trail[2]!.at).toBeGreaterThanOrEqual(450);
    await until(() => expect(router.repliesTo(record.id)).toMatchObject([{ final: false, state: 'waiting', outcome: { result: 'retry' } }, { final: true, outcome: { result: 'done' } }]));
  });

  it('is given up after its last attempt, with all of them in the letter', async () => {
    const { router } = await open({ onRequest: fails(DeliveryFailure.retry(details)) }, { attempts: 2 });
    const record = await router.ask('p');

    const steps = (await router.letter(record.id))!.attempts.map(({ step, attempt }) => [step, attempt]);
    expect(steps).toEqual([['accepted', undefined], ['started', 1], ['retry', 1], ['started', 2], ['failed', 2]]);
  });

  it.each([0, 1, 40])('waits %s ms without losing an attempt when it is not the time for it', async (delayMs) => {
    const { router, platform } = await open();
    let refusals = 4;
    platform.onRequest = async () => {
      if (refusals-- > 0) throw DeliveryFailure.notNow(delayMs, { code: 'rate-limited', message: 'slow down' });
      return { text: 'now' };
    };
    const record = await router.ask('p');

    expect(record).toMatchObject({ state: 'answered', answer: { text: 'now' } });
    expect(platform.requests.map(({ attempt }) => attempt)).toEqual([1, 1, 1, 1, 1]);
    expect(record.trail.filter(({ step }) => step === 'postponed')).toHaveLength(4);
  });

  it.each<[string, DeliveryFailure]>([
    ['never', DeliveryFailure.never(details)],
    ['retry, for the last time', DeliveryFailure.retry(details)],
  ])('with %s goes back to the routers while fallbacks are left', async (_, failure) => {
    const { router } = await open({ onRequest: fails(failure) });
    const id = await router.send('p', {}, { fallbacks: ['backup', 'last'], tried: ['first'] });

    const reroute = await until(async () => {
      const item = (await router.inbound()).find((one) => one.type === 'reroute' && one.request.id === id);
      expect(item).toBeDefined();
      return item;
    });
    expect(reroute).toMatchObject({ fallbacks: ['backup', 'last'], tried: ['first', 'p'] });
    expect(await router.ledger.read(id)).toMatchObject({ state: 'rerouting' });
    expect(await router.letter(id)).toBeUndefined();
  });

  it('with an unknown outcome takes no fallback: it may have been carried out', async () => {
    const { router } = await open({ onRequest: fails(DeliveryFailure.unknown(details)) });

    expect(await router.ask('p', {}, { fallbacks: ['backup'] })).toMatchObject({ state: 'dead-lettered' });
  });

  it.each([
    ['an answer that is no object', async () => 'hi' as never],
    ['an answer that cannot be written down', async () => ({ n: 1n }) as never],
  ])('by %s is dead-lettered and not asked again', async (_, onRequest) => {
    const { router, platform } = await open({ onRequest }, { repeatable: true });
    const record = await router.ask('p');

    expect(record).toMatchObject({ state: 'dead-lettered', code: 'invalid-answer' });
    expect(platform.timesAsked(record.id)).toBe(1);
  });
});

describe('the deadline', () => {
  it('ends a message that waited longer than its sender does', async () => {
    const { router, platform } = await open();
    const record = await router.ask('p', { waitFor: 'answer', deadlineMs: 50, receivedAt: Date.now() - 100 });

    expect(record).toMatchObject({ state: 'dead-lettered', code: 'deadline-exceeded' });
    expect(platform.requests).toEqual([]);
  });

  it('is what is left of the sender’s, or the platform’s own when that is shorter', async () => {
    const { router } = await open({ onRequest: (_request, signal) => untilAborted(signal) });
    const [short, long, patient] = await Promise.all([
      router.ask('p', { waitFor: 'answer', deadlineMs: 150, receivedAt: Date.now() - 50 }),
      router.ask('p', { waitFor: 'answer', deadlineMs: 60_000 }),
      router.ask('p', { waitFor: 'acceptance', deadlineMs: 1, receivedAt: Date.now() - 60_000 }),
    ]);

    expect(short.platformMs).toBeLessThan(200);
    expect(long.platformMs).toBeGreaterThanOrEqual(299);
    expect(patient.platformMs).toBeGreaterThanOrEqual(299);
  });

  it('does not let a message wait for a retry that would come too late', async () => {
    const { router, platform } = await open({ onRequest: fails(DeliveryFailure.retry(details)) }, { attempts: 2 });
    const record = await router.ask('p', { waitFor: 'answer', deadlineMs: 400 });

    expect(record).toMatchObject({ state: 'dead-lettered', code: 'broken-pipe' });
    expect(platform.timesAsked(record.id)).toBe(1);
  });

  it.each([
    ['unknown, where it must not be repeated', false, 'outcome-unknown'],
    ['a time-out, where it may be repeated', true, 'timeout'],
  ])('makes the outcome of a handler that ends with its signal %s', async (_, repeatable, code) => {
    const { router } = await open({ onRequest: (_request, signal) => untilAborted(signal) }, { repeatable });

    expect(await router.ask('p')).toMatchObject({ state: 'dead-lettered', code });
  });
});

describe('the pool', () => {
  it('never holds more messages than its size, however many a parcel brings', async () => {
    const { router, platform } = await open({ onRequest: () => new Promise((resolve) => setTimeout(resolve, 5, {})) }, { concurrency: 2 });
    const ids = (await Promise.all(Array.from({ length: 5 }, () => router.sendParcel('p', Array(10).fill({}))))).flat();
    for (const id of ids) expect(await router.settled(id)).toMatchObject({ state: 'answered' });

    expect(platform.mostInFlight).toBe(2);
  });

  it('abandons and counts handlers that ignore their signal, and goes on with the others', async () => {
    const { router } = await open({ onRequest: ({ content }) => (content === 'hang' ? hang() : Promise.resolve({ text: 'fine' })) }, { concurrency: 2 });
    const stuck = await router.sendParcel('p', Array(4).fill({ content: 'hang' }));
    const after = await router.ask('p');

    expect(after).toMatchObject({ state: 'answered' });
    for (const id of stuck) expect(await router.settled(id)).toMatchObject({ state: 'dead-lettered', code: 'outcome-unknown' });
    expect((await router.check())[0]).toMatchObject({ requests: 5, errors: 4, abandoned: 4, inFlight: 0 });
  });

  it('carries every message of a parcel to an end of its own', async () => {
    const { router } = await open({ onRequest: async ({ content }) => {
      if (content === 'bad') throw DeliveryFailure.never(details);
      return {};
    } }, { concurrency: 2 });
    const ids = await router.sendParcel('p', [{ content: 'bad' }, { content: 'good' }, { content: 'bad' }]);
    const states = [];
    for (const id of ids) states.push((await router.settled(id)).state);

    expect(states).toEqual(['dead-lettered', 'answered', 'dead-lettered']);
  });
});

it('a job that is no parcel is dropped and holds nothing up', async () => {
  const { router } = await open();
  const producer = router.producer('p');
  await producer.queue.add('x', { deliveries: 'nonsense' });

  expect(await router.ask('p')).toMatchObject({ state: 'answered' });
  await untilIdle(router);
  expect(await producer.queue.getFailedCount()).toBe(0);
});
