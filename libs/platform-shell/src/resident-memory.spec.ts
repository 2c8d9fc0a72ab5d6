import { ResidentMemory } from './resident-memory';

it('tells since when the memory has been still; what the garbage collector moves does not count', () => {
  const figures = [100, 140, 141, 139, 80, 79];
  const memory = new ResidentMemory(() => figures.shift()!);

  expect([10, 20, 30, 40, 50, 60].map((now) => memory.look(now))).toEqual([
    { rssMb: 100, settledAt: 10 }, { rssMb: 140, settledAt: 20 }, { rssMb: 141, settledAt: 20 }, { rssMb: 139, settledAt: 20 }, { rssMb: 80, settledAt: 50 }, { rssMb: 79, settledAt: 50 },
  ]);
});
