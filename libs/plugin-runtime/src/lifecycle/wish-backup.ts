import type { PluginWishes } from '@conductor/control';
import type { Logger } from '@conductor/observability';
import type { LockFile } from '../approval/lock-file';
import type { ConfigStore } from './config-store';

interface Parts {
  readonly wishes: PluginWishes;
  readonly lock: LockFile;
  readonly configs: ConfigStore;
  readonly leads: () => boolean;
  readonly logger: Logger;
}

/**
 * What is wished of plugins, in files, for when Redis has lost it: versions in use in `conductor.lock.json`, configurations in a file of their
 * own. Nobody ever takes a wish away as a whole, so a plugin that stands in the files and has no wish has lost it.
 */
export class WishBackup {
  private kept = '';
  private looked = false;

  constructor(private readonly parts: Parts) {}

  /** Wishes again what was lost. Costs next to nothing when nothing was. @throws RedisUnavailable */
  async restore(): Promise<void> {
    const { wishes, lock, leads } = this.parts;
    const inUse = lock.versions;
    const isLost = [...inUse.keys()].some((name) => !wishes.of(name)) || wishes.wishes.all().length === 0;
    if (!leads() || (this.looked && !isLost)) return;
    const configs = await this.configs();
    for (const name of new Set([...inUse.keys(), ...configs.keys()])) {
      if (wishes.of(name)) continue;
      const [release, config] = [inUse.get(name), configs.get(name)];
      await wishes.wish(name, { ...(release !== undefined && { enabled: true, release }), ...(config !== undefined && { config }), reason: 'as the files in the home say', by: 'system' });
    }
    this.looked = true;
  }

  /** Takes down the configurations that are wished. What runs is not held up by a disk that is full, or a file that is damaged. */
  async keep(): Promise<void> {
    const { wishes, configs, leads, logger } = this.parts;
    if (!leads()) return;
    const wished = new Map(wishes.wishes.all().map(({ name, config }) => [name, config ?? '{}']));
    const text = JSON.stringify([...wished]);
    if (text === this.kept) return;
    await configs.keep(wished).then(
      () => void (this.kept = text),
      (error: unknown) => logger.error({ err: error }, 'the configurations of plugins could not be written down; Redis alone has them'),
    );
  }

  private configs(): Promise<Map<string, string>> {
    return this.parts.configs.all().catch((error: unknown) => {
      this.parts.logger.error({ err: error }, 'the configurations of plugins could not be read; those that Redis has lost are the defaults');
      return new Map<string, string>();
    });
  }
}
