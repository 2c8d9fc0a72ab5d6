import type { PlatformDirectory } from '@conductor/control';
import type { PlatformSwitch } from '@conductor/plugin-runtime';

/** By this reason we know our own wish again: what a person switched off has another. */
const NOT_IN_USE = 'its plugin is not in use; load it (POST /v1/plugins/<name>/load)';

/** Switches platforms by the same wish that a person would use. */
export class DesiredSwitch implements PlatformSwitch {
  constructor(private readonly directory: PlatformDirectory) {}

  async on(platform: string): Promise<void> {
    const desired = this.directory.desired.get(platform);
    if (desired?.enabled === false && desired.reason === NOT_IN_USE) await this.directory.desire(platform, { enabled: true, reason: null });
  }

  async off(platform: string): Promise<void> {
    if (this.directory.desired.get(platform)?.enabled !== false) await this.directory.desire(platform, { enabled: false, reason: NOT_IN_USE });
  }
}
