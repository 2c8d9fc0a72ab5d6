import { Problem } from '@conductor/http';
import { DatabaseUnavailable } from '@conductor/persistence';

/** What only the database knows can wait; without it everything else goes on. @throws Problem `not-ready` while it is away */
export const readHistory = async <T>(question: () => Promise<T>): Promise<T> => {
  try {
    return await question();
  } catch (error) {
    if (error instanceof DatabaseUnavailable) throw new Problem('not-ready', `the database that holds the history is away: ${error.message}`, { retryAfterSeconds: 5, cause: error });
    throw error;
  }
};
