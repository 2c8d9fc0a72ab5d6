import type { Logger } from '@conductor/observability';
import { Resources } from './resources';

const build = () => {
  const warnings: string[] = [];
  const resources = new Resources({ warn: ({ resource }: { resource: string }, text: string) => warnings.push(`${resource} ${text}`) } as unknown as Logger);
  const closed: string[] = [];
  const hold = (name: string, close: () => unknown = () => {}) => resources.hold(name, name, () => (closed.push(name), close()));
  return { resources, hold, closed, warnings };
};
const hang = () => new Promise(() => {});

describe('the resources of a process', () => {
  it('are let go in the reverse order of their taking, each when the one before is closed', async () => {
    const { resources, hold, closed } = build();
    let finish!: () => void;
    for (const name of ['Redis', 'database']) hold(name);
    hold('consumer', () => new Promise<void>((resolve) => (finish = resolve)));
    hold('door');

    const drained = resources.drain();
    await new Promise(setImmediate);
    expect(closed).toEqual(['door', 'consumer']);

    finish();
    await drained;
    expect(closed).toEqual(['door', 'consumer', 'database', 'Redis']);
  });

  it('are handed back as they were given', () => {
    const { resources } = build();
    const thing = { name: 'thing' };

    expect(resources.hold('thing', thing, () => {})).toBe(thing);
  });

  it('are let go once, however often that is asked for', async () => {
    const { resources, hold, closed } = build();
    hold('door');

    expect(resources.isDraining).toBe(false);
    const drains = [resources.drain(), resources.drain()];
    expect(resources.isDraining).toBe(true);
    await Promise.all(drains);
    await resources.drain();

    expect(closed).toEqual(['door']);
  });

  it.each([
    ['throws', () => { throw new Error('no'); }],
    ['rejects', () => Promise.reject(new Error('no'))],
  ])('are let go also when one %s', async (_, close) => {
    const { resources, hold, closed, warnings } = build();
    hold('Redis');
    hold('door', close);

    await resources.drain();

    expect(closed).toEqual(['door', 'Redis']);
    expect(warnings).toEqual(['door closing failed']);
  });

  describe('of which one hangs', () => {
    beforeEach(() => jest.useFakeTimers());
    afterEach(() => jest.useRealTimers());

    it('leave it behind when the time is over, and close the others', async () => {
      const { resources, hold, closed, warnings } = build();
      hold('Redis');
      hold('database', async () => {});
      hold('worker', hang);
      hold('door');

      const drained = resources.drain();
      await jest.advanceTimersByTimeAsync(7_000);
      expect(closed).toEqual(['door', 'worker']);

      await jest.advanceTimersByTimeAsync(1_500);
      await drained;
      expect(closed).toEqual(['door', 'worker', 'database', 'Redis']);
      expect(warnings).toEqual(['worker did not close in time and is left behind']);
    });

    it('end soon after the time is over, however many hang', async () => {
      const { resources, hold, warnings } = build();
      for (const name of ['a', 'b', 'c', 'd']) hold(name, hang);

      const drained = resources.drain();
      await jest.advanceTimersByTimeAsync(9_000);
      await drained;

      expect(warnings).toHaveLength(4);
    });
  });
});
