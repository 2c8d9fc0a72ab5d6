import { Lease, PluginHosts } from '@conductor/control';
import type { AppContext } from '@conductor/http';

/** Commands go to the host that leads; one that died is followed after this time. */
const LEASE_MS = 3_000;
/** As long as a process may take to end. */
const CLOSING_MS = 10_000;

/** One plugin-host leads: it answers, writes what hosts share, and runs what may run once only. */
export class HostLease {
  private readonly lease: Lease;
  private heldAt = -Infinity;
  private active = false;
  private timer?: NodeJS.Timeout;

  /** @param standsBack whether another should lead, since this one cannot run plugins and that one can */
  constructor(
    private readonly context: AppContext,
    private readonly standsBack: () => Promise<boolean>,
    private readonly onLead: () => void,
  ) {
    this.lease = new Lease(context.connections, PluginHosts.LEASE, context.instance, LEASE_MS);
  }

  /** False as soon as another may lead: also while Redis is away for longer than the lease stands. */
  get leads(): boolean {
    return this.active && performance.now() - this.heldAt < LEASE_MS;
  }

  async campaign(): Promise<void> {
    await this.renew();
    this.timer = setInterval(() => void this.renew(), LEASE_MS / 3).unref();
  }

  /** Leads no longer than it takes to end what may run once only; then the next one may begin. */
  async rest(): Promise<void> {
    clearInterval(this.timer);
    if (this.active) await new Lease(this.context.connections, PluginHosts.LEASE, this.context.instance, CLOSING_MS).holds();
  }

  async resign(): Promise<void> {
    clearInterval(this.timer);
    await this.step();
  }

  private async step(): Promise<void> {
    if (this.active) await this.lease.release();
    this.active = false;
  }

  private async renew() {
    if (await this.standsBack().catch(() => false)) return this.step();
    const askedAt = performance.now();
    const held = await this.lease.holds();
    if (held) this.heldAt = askedAt;
    const began = held && !this.active;
    this.active = held || this.leads;
    if (!began) return;
    this.context.logger.info('this plugin-host leads');
    this.onLead();
  }
}
