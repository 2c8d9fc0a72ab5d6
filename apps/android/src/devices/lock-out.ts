import { Problem } from '@conductor/http';
import type { AndroidConfig } from '../android-config';
import type { PlatformSlot } from '../platform-slot';

/**
 * Counts wrong keys of a device, and says so when there are too many. The right key is let in all the same: it cannot be guessed, and
 * whoever knows the id of a device could otherwise keep its owner out.
 */
export class LockOut {
  constructor(
    private readonly slot: PlatformSlot,
    private readonly config: AndroidConfig,
  ) {}

  /** @throws Problem locked-out, until none has come for `lockOutMs` */
  async failed(deviceId: string): Promise<void> {
    const { loginFailures, lockOutMs } = this.config;
    const failures = await this.slot.storage.increment(failuresOf(deviceId), 1, lockOutMs);
    if (failures > loginFailures) throw new Problem('locked-out', 'Too many wrong keys came for this device. The right one is let in; another try with a wrong one has to wait.', { retryAfterSeconds: lockOutMs / 1_000 });
  }

  async succeeded(deviceId: string): Promise<void> {
    await this.slot.storage.delete(failuresOf(deviceId));
  }
}

const failuresOf = (deviceId: string) => `login-failures:${deviceId}`;
