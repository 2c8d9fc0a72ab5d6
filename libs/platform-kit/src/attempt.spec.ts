import { hang, ScriptedPlatform, untilAborted } from '@conductor/testing';
import { attempt } from './attempt';
import { DeliveryFailure } from './index';
import type { PlatformRequest } from './platform-plugin';

const request: PlatformRequest = { id: 'm', source: 'test', kind: 'message', content: 'hello', deadlineMs: 5_000, waitFor: 'answer', receivedAt: 0, trace: 't', attempt: 1 };
const details = { code: 'c', message: 'm' };

const tryOnce = (onRequest: ScriptedPlatform['onRequest'], { budgetMs = 1_000, repeatable = false } = {}) => {
  const platform = new ScriptedPlatform();
  platform.onRequest = onRequest;
  return attempt(platform, request, budgetMs, repeatable);
};

const circular = () => {
  const answer: Record<string, unknown> = {};
  answer['self'] = answer;
  return answer;
};

describe('one attempt', () => {
  afterEach(() => jest.useRealTimers());

  it.each([
    ['an answer', async () => ({ text: 'hi' }), { result: 'done', answer: { text: 'hi' } }],
    ['DeliveryFailure.retry', async () => { throw DeliveryFailure.retry(details); }, { result: 'retry', ...details, class: 'error' }],
    ['DeliveryFailure.never', async () => { throw DeliveryFailure.never(details); }, { result: 'never', ...details, class: 'rejected' }],
    ['DeliveryFailure.notNow', async () => { throw DeliveryFailure.notNow(70, details); }, { result: 'not-now', delayMs: 70, ...details, class: 'rate-limit' }],
    ['DeliveryFailure.unknown', async () => { throw DeliveryFailure.unknown(details); }, { result: 'unknown', ...details, class: 'timeout' }],
    ['any other error', async () => { throw new TypeError('x is undefined'); }, { result: 'retry', code: 'unexpected', message: 'x is undefined' }],
    ['something that is no error', async () => { throw 'oh'; }, { result: 'retry', message: 'oh' }],
    ['an error before the first await', () => { throw new Error('at once'); }, { result: 'retry', message: 'at once' }],
    ['null', async () => null as never, { result: 'never', code: 'invalid-answer' }],
    ['nothing', async () => undefined as never, { result: 'never', code: 'invalid-answer' }],
    ['a text', async () => 'hi' as never, { result: 'never', code: 'invalid-answer' }],
    ['an array', async () => [] as never, { result: 'never', code: 'invalid-answer' }],
    ['an object that cannot be written as JSON', async () => circular() as never, { result: 'never', code: 'invalid-answer' }],
    ['an object with a bigint', async () => ({ n: 1n }) as never, { result: 'never', code: 'invalid-answer' }],
  ])('that ends with %s has the outcome for it', async (_, onRequest, outcome) => {
    const end = await tryOnce(onRequest);

    expect(end).toMatchObject({ outcome, abandoned: false });
  });

  it.each([
    ['is tried again when it may be repeated', true, { result: 'retry', code: 'timeout', class: 'timeout' }],
    ['has an unknown outcome when it must not be repeated', false, { result: 'unknown', code: 'outcome-unknown', class: 'timeout' }],
  ])('that ends with its signal %s', async (_, repeatable, outcome) => {
    jest.useFakeTimers();
    const trying = tryOnce((_request, signal) => untilAborted(signal), { budgetMs: 30, repeatable });
    await jest.advanceTimersByTimeAsync(30);

    expect(await trying).toMatchObject({ outcome, abandoned: false, platformMs: 30 });
  });

  it('keeps what the platform says about the message when its signal has aborted', async () => {
    const end = await tryOnce((_request, signal) => untilAborted(signal).catch(() => { throw DeliveryFailure.never({ code: 'not-sent', message: 'stopped before sending' }); }), { budgetMs: 30 });

    expect(end.outcome).toMatchObject({ result: 'never', code: 'not-sent' });
  });

  it('is abandoned shortly after its time when it ignores its signal', async () => {
    jest.useFakeTimers();
    const trying = tryOnce(() => hang(), { budgetMs: 30 });
    await jest.advanceTimersByTimeAsync(130);

    expect(await trying).toMatchObject({ outcome: { result: 'unknown' }, abandoned: true, platformMs: 130 });
  });

  it('leaves no timer behind', async () => {
    const before = timers();
    await tryOnce(async () => ({}), { budgetMs: 60_000 });

    expect(timers()).toBe(before);
  });
});

const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
