const EVERY_MS = 15;
/** By how much `npm test` found this machine slower than a quiet one. */
const PATIENCE = Number(process.env['TEST_PATIENCE'] ?? 1);

/**
 * Repeats an assertion until it holds, so that no test has to guess how long something takes.
 * @returns what the assertion returned
 * @param timeoutMs on a quiet machine
 * @throws the assertion's last error when it does not hold within that time
 */
export const until = async <T>(assertion: () => T | Promise<T>, timeoutMs = 10_000): Promise<T> => {
  const deadline = Date.now() + timeoutMs * PATIENCE;
  for (;;) {
    try {
      return await assertion();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  }
};
