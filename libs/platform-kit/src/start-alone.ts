import type { StartupPhases } from '@conductor/control';

/** Without a conductor an instance starts by itself after this time. */
const WITHOUT_CONDUCTOR_MS = 3_000;
/** The pause after a failed start doubles so often. */
const DOUBLINGS = 4;

/** Says when an instance need not wait for a permit, since there is no conductor to give one. */
export class StartAlone {
  private at = Date.now() + WITHOUT_CONDUCTOR_MS;
  private tries = 0;

  constructor(
    private readonly phases: StartupPhases,
    private readonly retryBaseMs: number,
  ) {}

  /** Whether it may start now; the next time is later then. */
  async isDue(): Promise<boolean> {
    if (Date.now() < this.at) return false;
    if ((await this.phases.current().catch(() => 'unknown')) !== undefined) return false;
    // On a busy machine a conductor takes longer to come than an instance is willing to wait for none.
    if (await this.phases.conductorIsStarting().catch(() => true)) return false;
    this.at = Date.now() + this.retryBaseMs * 2 ** Math.min(this.tries++, DOUBLINGS);
    return true;
  }

  succeeded(): void {
    this.tries = 0;
  }
}
