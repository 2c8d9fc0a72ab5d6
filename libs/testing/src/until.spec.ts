import { until } from './until';

describe('until', () => {
  it('returns as soon as the assertion holds', async () => {
    let tries = 0;
    const result = await until(() => {
      if (++tries < 3) throw new Error('not yet');
      return tries;
    });

    expect(result).toBe(3);
  });

  it('throws what the assertion said last when the time is over', async () => {
    await expect(until(async () => { throw new Error('never'); }, 50)).rejects.toThrow('never');
  });
});
