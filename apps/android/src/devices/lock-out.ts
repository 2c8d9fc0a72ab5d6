import { Problem } from '@conductor/http';
import type { AndroidConfig } from '../android-config';
import type { PlatformSlot } from '../platform-slot';

/** Keeps keys from being guessed: after so many failed logins a device may not try for a while, not even with the right key. */
export class LockOut {
  constructor(
    private readonly slot: PlatformSlot,
    private readonly config: AndroidConfig,
  ) {}

  /**
   * Runs one attempt. It counts as failed until it has succeeded, so that guesses sent at the same time are limited too.
   * @param login undefined when the attempt fails. @throws Problem locked-out
   */
  async attempt<T>(deviceId: string, login: () => Promise<T | undefined>): Promise<T | undefined> {
    const { storage } = this.slot;
    const { loginFailures, lockOutMs } = this.config;
    const lockedUntil = await storage.get<number>(lockOf(deviceId));
    if (lockedUntil !== undefined) throw lockedOut(lockedUntil - Date.now());

    const failures = await storage.increment(failuresOf(deviceId), 1, lockOutMs);
    if (failures > loginFailures) throw lockedOut(lockOutMs);
    const result = await login();
    if (result !== undefined) await storage.delete(failuresOf(deviceId));
    else if (failures >= loginFailures) {
      await storage.set(lockOf(deviceId), Date.now() + lockOutMs, lockOutMs);
      // The lock counts from here; what is counted starts anew after it.
      await storage.delete(failuresOf(deviceId));
    }
    return result;
  }
}

const lockedOut = (ms: number) => new Problem('locked-out', 'This device failed to log in too often and has to wait.', { retryAfterSeconds: ms / 1_000 });

const lockOf = (deviceId: string) => `locked:${deviceId}`;
const failuresOf = (deviceId: string) => `login-failures:${deviceId}`;
