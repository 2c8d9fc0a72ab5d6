import { setTimeout as wait } from 'node:timers/promises';

/** Tries an assertion again until it holds; after `withinMs` its last failure is thrown. */
export const eventually = async <T>(assertion: () => T | Promise<T>, withinMs = 15_000): Promise<T> => {
  const giveUpAt = performance.now() + withinMs * Number(process.env['TEST_PATIENCE'] ?? 1);
  for (;;) {
    try {
      return await assertion();
    } catch (error) {
      if (performance.now() > giveUpAt) throw error;
      await wait(20);
    }
  }
};
