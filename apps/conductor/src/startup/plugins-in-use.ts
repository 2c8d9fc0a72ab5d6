import { setTimeout as pause } from 'node:timers/promises';
import { PluginHosts, type PluginWishes, type Presences } from '@conductor/control';
import type { AppContext } from '@conductor/http';

const LOOK_EVERY_MS = 100;
const PLUGIN_HOST = 'plugin-host';

/** Which platforms of plugins start-up waits for: those that were in use when the system stopped. */
export class PluginsInUse {
  private readonly hosts: PluginHosts;

  constructor(
    private readonly context: AppContext,
    private readonly wishes: PluginWishes,
    private readonly presences: Presences,
  ) {
    this.hosts = new PluginHosts(context.connections);
  }

  /**
   * Waits until a plugin-host has brought what is wanted, at most as long as for a platform. Without a plugin that is wanted it waits for nothing.
   * @returns the platforms that plugin-hosts run now, sorted
   */
  async platforms(): Promise<string[]> {
    const { config, logger } = this.context;
    if (!this.wishes.wishes.all().some(({ enabled }) => enabled)) return [];
    const until = performance.now() + config.startup.giveUpMs;
    while (!(await this.hosts.all()).some(({ settled }) => settled)) {
      if (performance.now() > until) {
        logger.warn('plugins are in use, and no plugin-host has started them in time; start-up goes on, and they join when they are ready');
        break;
      }
      await pause(LOOK_EVERY_MS);
    }
    const here = (await this.presences.all()).filter(({ app, at }) => app === PLUGIN_HOST && Date.now() - at < config.health.presenceTtlMs);
    return [...new Set(here.map(({ platform }) => platform))].sort();
  }
}
