import type { RedisConnections } from '@conductor/connections';
import { PlatformState } from '@conductor/contracts';

/** The health monitor's latest findings, number by number. */
export class HealthView {
  constructor(private readonly connections: RedisConnections) {}

  async of(platform: string): Promise<PlatformState | undefined> {
    const json = await this.connections.commands.hget(`${this.connections.namespace}:health`, platform);
    return json === null ? undefined : PlatformState.parse(JSON.parse(json));
  }

  async all(): Promise<Map<string, PlatformState>> {
    const fields = await this.connections.commands.hgetall(`${this.connections.namespace}:health`);
    return new Map(Object.entries(fields).map(([name, json]) => [name, PlatformState.parse(JSON.parse(json))]));
  }

  /** Whether some monitor is acting now. */
  async isBeating(): Promise<boolean> {
    return (await this.connections.commands.exists(`${this.connections.namespace}:lease:health-monitor`)) === 1;
  }
}
