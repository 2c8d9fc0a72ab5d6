import { asRedisUnavailable, RedisUnavailable } from '@conductor/connections';
import { Problem } from '@conductor/http';
import type { PlatformContext, PlatformStorage } from '@conductor/platform-kit';

/**
 * The place of the platform in this process. The doors are open as long as the process lives; the platform comes and goes as
 * the Conductor wishes, and with it everything the doors need.
 */
export class PlatformSlot {
  private present?: PlatformContext;

  get isTaken(): boolean {
    return this.present !== undefined;
  }

  /** @throws Problem platform-unavailable */
  get platform(): PlatformContext {
    if (!this.present) throw new Problem('platform-unavailable', 'The Android platform is not running here at the moment (it is starting, switched off or failed). Try again later.', { retryAfterSeconds: 5 });
    return this.present;
  }

  /** @throws Problem platform-unavailable */
  get storage(): PlatformStorage {
    return this.platform.storage;
  }

  enter(context: PlatformContext) {
    this.present = context;
  }

  leave() {
    delete this.present;
  }
}

/** Whatever went wrong, as a phone is told of it over its socket. */
export const asProblem = (thrown: unknown): Problem => {
  if (thrown instanceof Problem) return thrown;
  const error = asRedisUnavailable(thrown);
  if (error instanceof RedisUnavailable) return new Problem('redis-unavailable', 'The message store cannot be reached at the moment. Nothing was accepted; send it again later.', { retryAfterSeconds: error.retryAfterMs / 1_000, cause: thrown });
  return new Problem('internal', 'Something went wrong here. Nothing is known to be accepted; send it again with the same id.', { cause: thrown });
};
