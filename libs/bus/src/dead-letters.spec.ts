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

  it('come in pages of 256 KB at most, and at least one by one', async () => {
    const content = 'x'.repeat(100 * 1_024);
    await add(letterOf('d', { content }), letterOf('c', { content }), letterOf('b', { content: 'x'.repeat(400 * 1_024) }), letterOf('a', { content }));

    const pages: string[][] = [];
    for (let after: string | undefined, more = true; more; more = after !== undefined) {
      const page = await letters.page({}, 10, after);
      pages.push(page.items.map(({ id }) => id));
      after = page.next;
    }

    expect(pages).toEqual([['a'], ['b'], ['c', 'd']]);
  });

  it('are listed, counted and found by platform, code and age without a look at their payloads', async () => {
    await add(...['a', 'b', 'c'].map((id) => letterOf(id)));
    const { commands, namespace } = context.connections;
    const records = await commands.keys(`{${namespace}.dead-letters}:letter:*`);
    expect(records).toHaveLength(3);
    await Promise.all(records.map((record) => commands.hset(record, 'letter', 'no JSON')));

    expect(await find({ platform: 'discord', code: 'chat-not-found', newerThanMs: HOUR })).toEqual(['c', 'b', 'a']);
    expect(await letters.count({ platform: 'discord', olderThanMs: HOUR })).toBe(0);
    expect(await letters.known(['a', 'nobody', 'c'])).toEqual(['a', 'c']);
  });

  it('leave nothing behind when they are removed', async () => {
    await add(letterOf('a', { code: 'odd code\n*' }), letterOf('b'));
    await letters.remove('a', 'b');

    expect(await context.connections.commands.keys(`{${context.connections.namespace}.dead-letters}:*`)).toEqual([expect.stringContaining(':places:')]);
    expect(await letters.queue.getWaitingCount()).toBe(0);
  });

  it('are shown on Bull Board by what a person looks for, and without their payloads', async () => {
    await add(letterOf('a', { content: 'x'.repeat(1_024 * 1_024), reason: 'r'.repeat(10_000) }));

    const [job] = await letters.queue.getWaiting();
    expect(job!.data).toMatchObject({ id: 'a', platform: 'discord', code: 'chat-not-found', by: 'router-1' });
    expect(JSON.stringify(job!.data).length).toBeLessThan(1_000);
  });

  describe('of an older version, which lie whole in the queue', () => {
    const putWhole = (letter: DeadLetter) => letters.queue.add('dead-letter', letter, { jobId: `letter-${letter.id}` });

    it('are taken in once, older than all that are here, in their order', async () => {
      await putWhole(letterOf('old-1'));
      await putWhole(letterOf('old-2', { platform: 'voice' }));
      await add(letterOf('new'));

      expect(await letters.adopt()).toBe(2);
      expect(await letters.adopt()).toBe(0);
      expect(await find()).toEqual(['new', 'old-2', 'old-1']);
      expect(await find({ platform: 'voice' })).toEqual(['old-2']);
      expect(await letters.get('old-1')).toMatchObject({ id: 'old-1', request: { content: 'hello' } });
      expect((await letters.queue.getJob('letter-old-1'))!.data).not.toHaveProperty('request');
    });

    it('are no longer shown when their letter is gone', async () => {
      await add(letterOf('a'));
      await context.connections.commands.del(`{${context.connections.namespace}.dead-letters}:letter:a`);

      await letters.adopt();

      expect(await letters.queue.getWaitingCount()).toBe(0);
    });
  });
});
