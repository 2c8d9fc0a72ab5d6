import type { PluginEvents } from '@conductor/control';
import type { Notices } from '@conductor/control';
import type { Logger } from '@conductor/observability';
import type { PluginLog } from '@conductor/persistence';
import type { Changes } from '../audit/changes';

const LOOK_MS = 2_000;

/**
 * Copies what became of plugins from Redis into the database, and what the system did by itself into the audit log, too. While either is
 * away nothing is lost and nobody waits: it goes on where it stopped.
 */
export class PluginHistory {
  private readonly timer: NodeJS.Timeout;
  private readonly off: () => void;
  private copying: Promise<void> | undefined;

  constructor(
    private readonly events: PluginEvents,
    private readonly log: PluginLog,
    private readonly changes: Changes,
    notices: Notices,
    private readonly isActive: () => boolean,
    private readonly logger: Logger,
  ) {
    this.timer = setInterval(() => void this.copy(), LOOK_MS).unref();
    this.off = notices.on('plugin', () => void this.copy());
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    this.off();
    await this.copying;
  }

  private copy(): Promise<void> {
    if (!this.isActive()) return Promise.resolve();
    this.copying ??= this.copyNow()
      .catch((error: unknown) => this.logger.debug({ err: error }, 'the history of plugins is copied later'))
      .finally(() => (this.copying = undefined));
    return this.copying;
  }

  private async copyNow(): Promise<void> {
    for (let entries = await this.events.uncopied(); entries.length > 0; entries = await this.events.uncopied()) {
      // The same event again changes nothing, so that one may be copied twice.
      await this.log.write(entries.map(({ event }) => event));
      for (const { event } of entries) {
        if (event.by !== 'system') continue;
        const { plugin, event: what, version, from, step, reason } = event;
        await this.changes.record({ caller: { name: 'system', role: 'system' }, action: `plugin.${what}`, subject: plugin, after: { version, from, step, reason } });
      }
      await this.events.copied(entries.at(-1)!.place);
    }
  }
}
