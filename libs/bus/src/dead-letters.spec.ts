import type { DeadLetter, DeadLetterFilter } from '@conductor/contracts';
import { forget, openTestContext } from '@conductor/testing';
import { DeadLetters } from './index';

const HOUR = 3_600_000;

const letterOf = (id: string, { content, ...more }: Partial<DeadLetter> & { content?: DeadLetter['request']['content'] } = {}): DeadLetter => ({
  id,
  request: { id, source: 'test', kind: 'message', content: content ?? 'hello', deadlineMs: 5_000, waitFor: 'answer', receivedAt: Date.now(), trace: 't' },
  platform: 'discord',
  code: 'chat-not-found',
  reason: 'There is no such chat.',
  at: Date.now(),
  by: 'router-1',
  attempts: [],
  trace: 't',
  ...more,
});

describe('the dead letters', () => {
  let context: Awaited<ReturnType<typeof openTestContext>>;
  let letters: DeadLetters;

  beforeEach(async () => {
    context = await openTestContext('router');
    const connection = context.connections.forProducer();
    await context.connections.untilReady();
    letters = context.resources.hold('letters', new DeadLetters(connection, context.connections.namespace), (open) => open.close());
  });
  afterEach(async () => {
    await context.resources.drain();
    await forget(context.config);
  });

  const add = async (...all: DeadLetter[]) => {
    for (const letter of all) await letters.add(letter);
  };
  const find = async (filter?: DeadLetterFilter) => (await Array.fromAsync(letters.find(filter))).map(({ id }) => id);

  it('are found newest first, just as they were put in', async () => {
    const third = letterOf('c', { attempts: [{ at: 1, step: 'failed', attempt: 1, message: 'no' }] });
    await add(letterOf('a'), letterOf('b'), third);

    expect(await find()).toEqual(['c', 'b', 'a']);
    expect(await letters.get('c')).toEqual(third);
    expect(await letters.count()).toBe(3);
  });

  it('keep the first letter of a message when it is put in again', async () => {
    await add(letterOf('a', { reason: 'first' }), letterOf('a', { reason: 'second' }));

    expect(await letters.count()).toBe(1);
    expect((await letters.get('a'))?.reason).toBe('first');
  });

  it('take ids that look like numbers', async () => {
    await add(letterOf('12345'));

    expect(await letters.get('12345')).toMatchObject({ id: '12345' });
  });

  it('are gone when they are removed', async () => {
    await add(letterOf('a'));

    await letters.remove('a');
    await letters.remove('a');

    expect(await letters.get('a')).toBeUndefined();
    expect(await letters.count()).toBe(0);
  });

  it.each<[string, DeadLetterFilter, string[]]>([
    ['platform', { platform: 'voice' }, ['voice']],
    ['reason code', { code: 'deadline-exceeded' }, ['late']],
    ['least age', { olderThanMs: 2 * HOUR }, ['old']],
    ['greatest age', { newerThanMs: 2 * HOUR }, ['nowhere', 'late', 'voice', 'plain']],
    ['both ages', { olderThanMs: HOUR, newerThanMs: 4 * HOUR }, ['old']],
    ['text in the payload', { text: 'BANANA' }, ['plain']],
    ['text deep inside of the payload', { text: 'umlaut ä' }, ['voice']],
    ['text in the reason', { text: 'too late' }, ['late']],
    ['text in an attempt', { text: 'econnreset' }, ['old']],
    ['all that is given at once', { platform: 'discord', text: 'hello', newerThanMs: HOUR }, ['late']],
    ['nothing', {}, ['nowhere', 'old', 'late', 'voice', 'plain']],
  ])('can be found by %s', async (_, filter, expected) => {
    const { platform: _platform, ...nowhere } = letterOf('nowhere');
    await add(
      letterOf('plain', { content: 'one banana' }),
      letterOf('voice', { platform: 'voice', content: { text: 'x', parts: [{ name: 'umlaut Ä' }] } }),
      letterOf('late', { code: 'deadline-exceeded', reason: 'It came too late.' }),
      letterOf('old', { at: Date.now() - 3 * HOUR, attempts: [{ at: 1, step: 'failed', message: 'read ECONNRESET' }] }),
      { ...nowhere, code: 'unknown-platform' },
    );

    expect(await find(filter)).toEqual(expected);
  });

  it('come page by page, none twice and none left out', async () => {
    const ids = Array.from({ length: 7 }, (_, index) => `m${index}`);
    await add(...ids.map((id, index) => letterOf(id, { platform: index === 3 ? 'voice' : 'discord' })));

    const pages: string[][] = [];
    let after: string | undefined;
    do {
      const { items, total, next } = await letters.page({ platform: 'discord' }, 2, after);
      expect(total).toBe(6);
      pages.push(items.map(({ id }) => id));
      after = next;
    } while (after);

    expect(pages).toEqual([['m6', 'm5'], ['m4', 'm2'], ['m1', 'm0']]);
  });

  it('say that there is no further page', async () => {
    expect(await letters.page({}, 10)).toEqual({ items: [], total: 0 });

    await add(letterOf('a'));
    expect(await letters.page({}, 1)).not.toHaveProperty('next');
  });

  it('are all found where they are many', async () => {
    const ids = Array.from({ length: 1_001 }, (_, index) => `m${index}`);
    await Promise.all(ids.map((id) => letters.add(letterOf(id))));

    expect(new Set(await find()).size).toBe(1_001);
  });
});
