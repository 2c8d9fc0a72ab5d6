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
});
