import type { RedisConnections } from '@conductor/connections';
import { PlatformState } from '@conductor/contracts';

/** The health of every platform as of the latest check, with all figures: in Redis, so that any app can show it. */
export class CurrentHealth {
  private readonly key: string;

  constructor(private readonly connections: RedisConnections) {
    this.key = `${connections.namespace}:health`;
  }

  /** In one command. */
  async write(states: readonly PlatformState[]): Promise<void> {
    if (states.length > 0) await this.connections.commands.hset(this.key, Object.fromEntries(states.map((state) => [state.name, JSON.stringify(state)])));
  }

  /** Sorted by name. @throws when Redis is away */
  async all(): Promise<PlatformState[]> {
    const fields = await this.connections.commands.hvals(this.key);
    return fields.flatMap((json) => read(json) ?? []).sort((a, b) => a.name.localeCompare(b.name));
  }

  async of(platform: string): Promise<PlatformState | undefined> {
    const json = await this.connections.commands.hget(this.key, platform);
    return json === null ? undefined : read(json);
  }
}

/** What an app of another version may have written and cannot be read counts as not there; the next check overwrites it. */
const read = (json: string): PlatformState | undefined => PlatformState.safeParse(JSON.parse(json)).data;
