import { linesOf } from '@conductor/bus';
import type { RequestRecord } from '@conductor/contracts';
import { RedisProxy, type ScriptedPlatform, until } from '@conductor/testing';
import { DeliveryFailure } from './index';
import { closeStages, open as openOne, untilIdle } from './testing/one-platform';

const details = { code: 'broken-pipe', message: 'the pipe is broken; mend it' };

/** One platform, `p`, that may be asked twice, unless `how` says otherwise. */
const open = async (script: Partial<ScriptedPlatform> = {}, how: Parameters<ScriptedPlatform['definition']>[1] = {}, options: Parameters<typeof openOne>[1] = {}) => {
  const opened = await openOne(script, { how: { repeatable: true, ...how }, ...options });
  await opened.router.untilState('p', 'ready');
  return opened;
};
afterEach(closeStages);

describe('a message that nobody can have asked for yet', () => {
  const unwritten = () => ({ unwritten: linesOf([{ at: Date.now(), step: 'accepted' }, { at: Date.now(), step: 'routed', platform: 'p' }]) });
  const WHOLE_WAY = ['accepted', 'routed', 'started', 'answered'];
  const waysOf = (record: RequestRecord) => record.trail.map(({ step }) => step);

  it('is written down with its whole way when its platform answers at once', async () => {
    const { router } = await open();
    const record = await router.ask('p', { content: 'hi' }, unwritten());

    expect(record).toMatchObject({ state: 'answered', platform: 'p', request: { content: 'hi' }, answer: { text: 'carried out: hi' } });
    expect(waysOf(record)).toEqual(WHOLE_WAY);
    await until(() => expect(router.repliesTo(record.id)).toMatchObject([{ final: true, state: 'answered', outcome: { result: 'done', answer: { text: 'carried out: hi' } } }]));
  });

  it('is seen to be in hand while its platform takes longer', async () => {
    const { promise, resolve } = Promise.withResolvers<{ text: string }>();
    const { router } = await open({ onRequest: () => promise });
    const id = await router.send('p', {}, unwritten());
    await until(async () => expect(await router.ledger.read(id)).toMatchObject({ state: 'active', platform: 'p', trail: [{ step: 'accepted' }, { step: 'routed' }, { step: 'started' }] }));
    resolve({ text: 'at last' });

    const record = await router.settled(id);
    expect(record).toMatchObject({ state: 'answered', answer: { text: 'at last' } });
    expect(waysOf(record)).toEqual(WHOLE_WAY);
  });

  it.each([
    ['asking twice could do harm', { repeatable: false }, 5_000],
    ['its deadline is near', {}, 900],
  ])('is in hand before its platform is asked, where %s', async (_, how, deadlineMs) => {
    let seen: unknown;
    const { router } = await open({ onRequest: async ({ id }) => {
      seen = (await router.ledger.read(id))?.state;
      return {};
    } }, how);
    await router.ask('p', { deadlineMs, waitFor: 'answer' }, unwritten());

    expect(seen).toBe('active');
  });

  it('is tried again, and dead-lettered with its whole way, when its platform fails at once', async () => {
    const { router, platform } = await open({ onRequest: () => Promise.reject(DeliveryFailure.retry(details)) }, { attempts: 2 });
    const record = await router.ask('p', {}, unwritten());

    expect(record).toMatchObject({ state: 'dead-lettered', code: 'broken-pipe' });
    expect(waysOf(record)).toEqual(['accepted', 'routed', 'started', 'retry', 'started', 'dead-lettered']);
    expect(platform.timesAsked(record.id)).toBe(2);
    expect((await router.letter(record.id))?.attempts.map(({ step }) => step)).toEqual(['accepted', 'routed', 'started', 'retry', 'started', 'failed']);
  });

  it.each([
    ['retry', DeliveryFailure.retry(details)],
    ['postponed', DeliveryFailure.notNow(50, details)],
  ])('has its first steps written down once, though it takes a second try (%s)', async (step, failure) => {
    let tries = 0;
    const { router } = await open({ onRequest: async () => {
      if (tries++ === 0) throw failure;
      return {};
    } }, { attempts: 2 });

    expect(waysOf(await router.ask('p', {}, unwritten()))).toEqual(['accepted', 'routed', 'started', step, 'started', 'answered']);
  });

  it('is answered once, though somebody who thought it lost has sent it again', async () => {
    const { router } = await open();
    await Promise.all([router.send('p', { id: 'sent-twice' }, unwritten()), router.send('p', { id: 'sent-twice' })]);
    await router.settled('sent-twice');
    await untilIdle(router);
    await router.ask('p');

    expect(router.repliesTo('sent-twice').filter(({ final }) => final)).toHaveLength(1);
    expect(waysOf((await router.ledger.read('sent-twice'))!).filter((step) => step === 'answered')).toHaveLength(1);
  });

  it.each([
    ['at once', () => Promise.resolve()],
    ['after a while', () => new Promise<void>((resolve) => setTimeout(resolve, 50))],
  ])('is not asked again when Redis went away while its platform answered %s', async (_, meanwhile) => {
    const proxy = await new RedisProxy().open();
    const { router, platform } = await open({ onRequest: async () => {
      void proxy.cut().then(() => proxy.open());
      await meanwhile();
      return { text: 'known' };
    } }, {}, { redisUrl: proxy.url, env: { JOB_LOCK_MS: '1000' } });
    const record = await router.ask('p', {}, unwritten());
    await untilIdle(router);

    expect(record).toMatchObject({ state: 'answered', answer: { text: 'known' } });
    expect(platform.timesAsked(record.id)).toBe(1);
    await closeStages();
    await proxy.cut();
  });
});
