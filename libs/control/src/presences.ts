import type { RedisConnections } from '@conductor/connections';
import { Presence } from '@conductor/contracts';

/** Who is here: every instance says so again and again, and counts as gone when it falls silent. */
export class Presences {
  private readonly key: string;

  constructor(private readonly connections: RedisConnections) {
    this.key = `${connections.namespace}:presences`;
  }

  async report(presence: Presence): Promise<void> {
    await this.connections.commands.hset(this.key, presence.instance, JSON.stringify(presence));
  }

  async remove(instance: string): Promise<void> {
    await this.connections.commands.hdel(this.key, instance);
  }

  /** All that ever reported and were not removed; judge by `at` who is silent. */
  async all(): Promise<Presence[]> {
    const values = await this.connections.commands.hvals(this.key);
    // One of another shape, from another version, must not hide the others.
    return values.flatMap((json) => Presence.safeParse(JSON.parse(json)).data ?? []);
  }
}
