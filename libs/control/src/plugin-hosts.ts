import type { RedisConnections } from '@conductor/connections';
import { PluginHostPresence } from '@conductor/contracts';

/** Silence after which a plugin-host counts as gone. */
const SILENCE_MS = 10_000;

/** The plugin-hosts that are here. One of them leads: it answers for all, and writes what they share. */
export class PluginHosts {
  /** Name of the lease of the one that leads. */
  static readonly LEASE = 'plugin-host';
  /** Name of the channel on which they are asked. */
  static readonly TOPIC = 'plugin-commands';
  private readonly key: string;

  constructor(private readonly connections: RedisConnections) {
    this.key = `${connections.namespace}:plugin-hosts`;
  }

  async report(presence: PluginHostPresence): Promise<void> {
    await this.connections.commands.hset(this.key, presence.instance, JSON.stringify(presence));
  }

  async remove(instance: string): Promise<void> {
    await this.connections.commands.hdel(this.key, instance);
  }

  /** Those that spoke lately. Who fell silent is forgotten. */
  async all(): Promise<PluginHostPresence[]> {
    const here = (await this.connections.commands.hvals(this.key)).flatMap((json) => PluginHostPresence.safeParse(JSON.parse(json)).data ?? []);
    const gone = here.filter(({ at }) => Date.now() - at > SILENCE_MS);
    if (gone.length > 0) await this.connections.commands.hdel(this.key, ...gone.map(({ instance }) => instance));
    return here.filter((one) => !gone.includes(one));
  }

  async leader(): Promise<PluginHostPresence | undefined> {
    const name = await this.connections.commands.get(`${this.connections.namespace}:lease:${PluginHosts.LEASE}`);
    return name === null ? undefined : (await this.all()).find(({ instance }) => instance === name);
  }
}
