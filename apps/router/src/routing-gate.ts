import type { StartupPhases } from '@conductor/control';
import type { Notices } from '@conductor/control';
import { Problem } from '@conductor/http';

const LOOK_EVERY_MS = 500;
/** Without a conductor, routing opens by itself after this time. */
const WITHOUT_CONDUCTOR_MS = 3_000;

/** Shut until the conductor opens routing, the last step of its start-up; never shut again. */
export class RoutingGate {
  private isOpen = false;
  private readonly since = Date.now();
  private timer?: NodeJS.Timeout;
  private readonly onOpen: Array<() => void> = [];

  constructor(
    private readonly phases: StartupPhases,
    notices: Notices,
  ) {
    notices.on('phase', ({ phase }) => {
      if (phase === 'open') this.open();
    });
  }

  watch() {
    this.timer = setInterval(() => void this.look(), LOOK_EVERY_MS).unref();
    void this.look();
  }

  whenOpen(listener: () => void) {
    if (this.isOpen) listener();
    else this.onOpen.push(listener);
  }

  get opened(): boolean {
    return this.isOpen;
  }

  /** @throws Problem while routing is shut */
  pass() {
    if (!this.isOpen) throw new Problem('not-ready', 'the system is starting; routing opens when its platforms were started', { retryAfterSeconds: 1 });
  }

  close() {
    clearInterval(this.timer);
  }

  private async look() {
    const phase = await this.phases.current().catch(() => 'platforms' as const);
    const alone = phase === undefined && Date.now() - this.since > WITHOUT_CONDUCTOR_MS;
    if (phase === 'open' || alone) this.open();
  }

  private open() {
    if (this.isOpen) return;
    this.isOpen = true;
    clearInterval(this.timer);
    for (const listener of this.onOpen) listener();
  }
}
