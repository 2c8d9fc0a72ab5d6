import type { RedisConnections } from '@conductor/connections';
import { ProcessState } from '@conductor/contracts';

/** The processes as the launcher last reported them; empty where no launcher runs (containers). */
export class ProcessBoard {
  constructor(private readonly connections: RedisConnections) {}

  async all(): Promise<ProcessState[]> {
    const values = await this.connections.commands.hvals(`${this.connections.namespace}:processes`);
    return values.map((json) => ProcessState.parse(JSON.parse(json))).sort((a, b) => a.app.localeCompare(b.app));
  }
}
