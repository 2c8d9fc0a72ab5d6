const EVERY_MS = 15;

/**
 * Repeats an assertion until it holds, so that no test has to guess how long something takes.
 * @returns what the assertion returned
 * @throws the assertion's last error when it does not hold within `timeoutMs`
 */
export const until = async <T>(assertion: () => T | Promise<T>, timeoutMs = 10_000): Promise<T> => {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await assertion();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  }
};
