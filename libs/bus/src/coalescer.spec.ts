import { until } from '@conductor/testing';
import { Coalescer } from './coalescer';

/** A coalescer whose groups arrive when the test says so. */
const build = (groupSize = 10) => {
  const sent: Array<{ items: string[]; arrive: () => void; fail: (error: Error) => void }> = [];
  const coalescer = new Coalescer<string>(
    (items) => new Promise<void>((arrive, fail) => sent.push({ items, arrive, fail })),
    () => groupSize,
    (item) => item.length,
  );
  return { coalescer, sent, groups: () => sent.map(({ items }) => items) };
};
const endOfTurn = () => new Promise((resolve) => setImmediate(resolve));

describe('the coalescer', () => {
  it('hands on together what was added in one turn', async () => {
    const { coalescer, groups } = build();

    for (const item of ['a', 'b', 'c']) void coalescer.add(item);
    await endOfTurn();

    expect(groups()).toEqual([['a', 'b', 'c']]);
  });

  it('keeps the order and makes no group larger than it may be', async () => {
    const { coalescer, groups } = build(2);

    for (const item of ['a', 'b', 'c', 'd', 'e']) void coalescer.add(item);
    await endOfTurn();

    expect(groups()).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
  });

  it.each([0, -1, 0.4])('hands on one by one where a group may hold %d', async (groupSize) => {
    const { coalescer, groups } = build(groupSize);

    for (const item of ['a', 'b']) void coalescer.add(item);
    await endOfTurn();

    expect(groups()).toEqual([['a'], ['b']]);
  });

  it('hands on what comes alone without waiting for more', async () => {
    const { coalescer, sent, groups } = build();

    const first = coalescer.add('a');
    await endOfTurn();
    sent[0]!.arrive();
    await first;
    void coalescer.add('b');

    await until(() => expect(groups()).toEqual([['a'], ['b']]));
  });

  it('tells each group’s end to those who are in it, and to nobody else', async () => {
    const { coalescer, sent } = build(1);
    const [good, bad] = [coalescer.add('good'), coalescer.add('bad')];
    await endOfTurn();

    sent[1]!.fail(new Error('Redis is away'));
    await expect(bad).rejects.toThrow('Redis is away');

    sent[0]!.arrive();
    await expect(good).resolves.toBeUndefined();
  });

  it('gives each its own result, where the group’s result is a list', async () => {
    const coalescer = new Coalescer<string, string>((items) => Promise.resolve(items.map((item) => item.toUpperCase())), () => 2, (item) => item.length);

    expect(await Promise.all(['a', 'b', 'c'].map((item) => coalescer.add(item)))).toEqual(['A', 'B', 'C']);
  });

  it('goes on after a failure', async () => {
    const { coalescer, sent, groups } = build();
    const bad = coalescer.add('bad');
    await endOfTurn();
    sent[0]!.fail(new Error('Redis is away'));
    await expect(bad).rejects.toThrow('Redis is away');

    void coalescer.add('next');

    await until(() => expect(groups()).toEqual([['bad'], ['next']]));
  });

  it.each<[string, (group: ReturnType<typeof build>['sent'][number]) => void]>([
    ['has arrived', ({ arrive }) => arrive()],
    ['has failed', ({ fail }) => fail(new Error('Redis is away'))],
  ])('gathers what comes while a group is on its way, and hands it on when that one %s', async (_, end) => {
    const { coalescer, sent, groups } = build();
    const first = coalescer.add('first').catch(() => {});
    await endOfTurn();

    const second = coalescer.add('second');
    await endOfTurn();
    const third = coalescer.add('third');
    await endOfTurn();
    expect(groups()).toEqual([['first']]);

    end(sent[0]!);
    await first;
    await until(() => expect(groups()).toEqual([['first'], ['second', 'third']]));
    sent[1]!.arrive();
    await Promise.all([second, third]);
  });

  describe('with large items', () => {
    const KB = 1_024;
    const item = (name: string, kilobytes: number) => name + '.'.repeat(kilobytes * KB - name.length);
    const names = (groups: string[][]) => groups.map((group) => group.map((one) => one[0]));

    it('makes no group larger than 256 KB, and lets a larger item travel alone', async () => {
      const { coalescer, groups } = build();

      for (const one of [item('a', 100), item('b', 100), item('c', 100), item('D', 300), item('e', 1)]) void coalescer.add(one);
      await endOfTurn();

      expect(names(groups())).toEqual([['a', 'b'], ['c'], ['D'], ['e']]);
    });

    it('has about a megabyte on its way at once, goes on as soon as a part of it has arrived, and keeps the order', async () => {
      const { coalescer, sent, groups } = build();
      for (const name of 'abcdefg') void coalescer.add(item(name, 250));
      await endOfTurn();
      void coalescer.add(item('h', 1));
      await endOfTurn();
      expect(names(groups())).toEqual([['a'], ['b'], ['c'], ['d'], ['e']]);

      for (const group of sent.slice(0, 2)) group.arrive();
      await until(() => expect(names(groups())).toEqual([['a'], ['b'], ['c'], ['d'], ['e'], ['f'], ['g', 'h']]));
    });

    it('asks once for the size of an item', async () => {
      let asked = 0;
      const coalescer = new Coalescer<string>(() => Promise.resolve(), () => 10, () => (asked++, 600 * KB));

      await Promise.all('abcd'.split('').map((one) => coalescer.add(one)));

      expect(asked).toBe(4);
    });
  });
});
