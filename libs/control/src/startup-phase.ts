import type { RedisConnections } from '@conductor/connections';
import { StartupPhase } from '@conductor/contracts';
import type { Notices } from './notices';

/** How long the conductor's word stands without being renewed. */
const TTL_MS = 5_000;

/** How far the conductor is with starting the system. Absent: there is no conductor, and everyone looks after himself. */
export class StartupPhases {
  private readonly key: string;

  constructor(
    private readonly connections: RedisConnections,
    private readonly notices: Notices,
  ) {
    this.key = `${connections.namespace}:phase`;
  }

  /** For the conductor: says it, and is to be called again within 5 s. */
  async announce(phase: StartupPhase, changed: boolean): Promise<void> {
    await this.connections.commands.set(this.key, phase, 'PX', TTL_MS);
    if (changed) await this.notices.publish({ type: 'phase', phase, at: Date.now() });
  }

  async current(): Promise<StartupPhase | undefined> {
    return StartupPhase.optional().parse((await this.connections.commands.get(this.key)) ?? undefined);
  }

  async withdraw(): Promise<void> {
    await this.connections.commands.del(this.key);
  }
}
