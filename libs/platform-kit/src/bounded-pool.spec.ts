import { BoundedPool } from './bounded-pool';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('a bounded pool', () => {
  it('never runs more than its size, and runs everything', async () => {
    const pool = new BoundedPool(3);
    let running = 0;
    let most = 0;
    let finished = 0;

    await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        pool.run(async () => {
          most = Math.max(most, ++running);
          for (let turns = 0; turns <= index % 4; turns++) await turn();
          running--;
          finished++;
        }),
      ),
    );

    expect({ most, finished, left: pool.inFlight }).toEqual({ most: 3, finished: 50, left: 0 });
  });

  it('runs what waits in the order of its coming', async () => {
    const pool = new BoundedPool(1);
    const order: number[] = [];

    await Promise.all([1, 2, 3, 4].map((piece) => pool.run(async () => { await turn(); order.push(piece); })));

    expect(order).toEqual([1, 2, 3, 4]);
  });

  it('keeps its places when work fails', async () => {
    const pool = new BoundedPool(1);
    const fails = () => pool.run(async () => { throw new Error('broken'); });

    await expect(fails()).rejects.toThrow('broken');
    await expect(fails()).rejects.toThrow('broken');

    expect(await pool.run(async () => 'goes on')).toBe('goes on');
  });

  it('lets more begin at once when it grows, and fewer when it shrinks, and breaks nothing off', async () => {
    const pool = new BoundedPool(2);
    const ends: Array<() => void> = [];
    const work = () => pool.run(() => new Promise<void>((resolve) => ends.push(resolve)));
    const all = [work(), work(), work(), work(), work(), work()];
    const settle = async () => { for (let turns = 0; turns < 5; turns++) await turn(); };

    pool.size = 4;
    await settle();
    expect([ends.length, pool.inFlight]).toEqual([4, 4]);
    pool.size = 1;
    ends.slice(0, 3).forEach((end) => end());
    await settle();
    expect([ends.length, pool.inFlight]).toEqual([4, 1]);
    ends[3]!();
    await settle();
    expect([ends.length, pool.inFlight]).toEqual([5, 1]);
    pool.size = 2;
    await settle();
    ends.slice(4).forEach((end) => end());
    await settle();
    ends.slice(4).forEach((end) => end());
    await Promise.all(all);
    expect(pool.inFlight).toBe(0);
  });
});
