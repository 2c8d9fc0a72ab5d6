import { randomUUID } from 'node:crypto';
import type { RedisConnections } from '@conductor/connections';
import { PluginEvent } from '@conductor/contracts';
import type { Notices } from './notices';

/** The stream keeps about so many events for a conductor that was away. */
const MOST_KEPT = 10_000;
const AT_ONCE = 200;

/**
 * What became of plugins, in order. Hosts append; the active conductor copies it into the database and remembers how far it came, so a
 * conductor or a database that was away misses nothing.
 */
export class PluginEvents {
  private readonly key: string;
  private readonly doneKey: string;

  constructor(
    private readonly connections: RedisConnections,
    private readonly notices: Notices,
  ) {
    this.key = `${connections.namespace}:plugin-events`;
    this.doneKey = `${connections.namespace}:plugin-events:copied`;
  }

  /** @throws RedisUnavailable */
  async append(event: Omit<PluginEvent, 'id' | 'at'>): Promise<PluginEvent> {
    const whole: PluginEvent = { id: randomUUID(), at: Date.now(), ...event };
    await this.connections.commands.xadd(this.key, 'MAXLEN', '~', MOST_KEPT, '*', 'event', JSON.stringify(whole));
    await this.notices.publish({ type: 'plugin', event: whole });
    return whole;
  }

  /** Events that were not copied yet, oldest first. Call `copied` when they are safe. */
  async uncopied(): Promise<Array<{ place: string; event: PluginEvent }>> {
    const { commands } = this.connections;
    const after = (await commands.get(this.doneKey)) ?? '0';
    const entries = await commands.xrange(this.key, `(${after}`, '+', 'COUNT', AT_ONCE);
    return entries.flatMap(([place, fields]) => {
      const event = PluginEvent.safeParse(JSON.parse(fields[1] ?? 'null'));
      return event.success ? [{ place, event: event.data }] : [];
    });
  }

  async copied(place: string): Promise<void> {
    await this.connections.commands.set(this.doneKey, place);
  }
}
