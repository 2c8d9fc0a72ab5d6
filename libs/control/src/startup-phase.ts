import type { RedisConnections } from '@conductor/connections';
import { ProcessState, StartupPhase } from '@conductor/contracts';
import type { Notices } from './notices';

/** How long the conductor's word stands without being renewed. */
const TTL_MS = 5_000;

/** A conductor that takes longer to start than this is not waited for. */
const CONDUCTOR_STARTS_MS = 120_000;

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

  /** Whether the launcher is just starting a conductor, which will say its phase as soon as it is up. */
  async conductorIsStarting(): Promise<boolean> {
    const json = await this.connections.commands.hget(`${this.connections.namespace}:processes`, 'conductor');
    if (json === null) return false;
    const process = ProcessState.safeParse(JSON.parse(json)).data;
    return process !== undefined && (process.state === 'starting' || process.state === 'backing-off') && Math.abs(Date.now() - process.at) < CONDUCTOR_STARTS_MS;
  }

  async withdraw(): Promise<void> {
    await this.connections.commands.del(this.key);
  }
}
