import type { RedisConnections } from '@conductor/connections';
import type { BreakerState, DesiredState, PlatformState, PlatformView } from '@conductor/contracts';
import type { PlatformDirectory } from '@conductor/control';
import { Problem } from '@conductor/http';
import { shownBreakers } from '@conductor/resilience';
import type { HealthView } from './health-view';
import type { QueueWatch } from './queue-watch';

/** Puts together what is known of a platform: the wish, the verdict, the latest check, the breakers, the queue. */
export class PlatformViews {
  constructor(
    private readonly directory: PlatformDirectory,
    private readonly health: HealthView,
    private readonly queues: QueueWatch,
    private readonly connections: RedisConnections,
  ) {}

  async all(): Promise<PlatformView[]> {
    const [health, breakers] = await Promise.all([this.health.all(), shownBreakers(this.connections)]);
    return Promise.all(this.directory.names().map((name) => this.view(name, health.get(name), breakers)));
  }

  /** @throws Problem when nobody has heard of it */
  async one(name: string): Promise<PlatformView> {
    this.mustExist(name);
    const [health, breakers] = await Promise.all([this.health.of(name), shownBreakers(this.connections)]);
    return this.view(name, health, breakers);
  }

  mustExist(name: string) {
    if (this.directory.has(name)) return;
    const known = this.directory.names().join(', ') || 'none';
    throw new Problem('not-found', `no platform ${name} has ever started here; known are: ${known}`);
  }

  private async view(name: string, checked: PlatformState | undefined, breakers: BreakerState[]): Promise<PlatformView> {
    const desired = this.directory.desired.get(name);
    const verdict = newer(checked, this.directory.verdicts.get(name));
    const routers = breakers.filter(({ platform }) => platform === name);
    const { state, reason } = stateOf(desired, verdict);
    return {
      name,
      state,
      reason,
      since: verdict?.since ?? desired?.at ?? 0,
      enabled: desired?.enabled ?? true,
      pinned: desired?.pinned ?? false,
      wished: { instances: desired?.instances ?? 1, ...(desired?.concurrency !== undefined && { concurrency: desired.concurrency }), ...(desired?.poolSize !== undefined && { poolSize: desired.poolSize }) },
      instances: checked?.instances ?? verdict?.instances ?? [],
      breaker: { position: worst(routers), ...(desired?.forcedBreaker && { forced: desired.forcedBreaker }), routers },
      queue: await this.queues.counts(name),
    };
  }
}

const newer = (a: PlatformState | undefined, b: PlatformState | undefined) => (a && b ? (a.version >= b.version ? a : b) : (a ?? b));

/** An operator's wish shows at once, before the next verdict follows it. */
const stateOf = (desired: DesiredState | undefined, verdict: PlatformState | undefined): Pick<PlatformView, 'state' | 'reason'> => {
  if (desired && !desired.enabled) return { state: 'disabled', reason: desired.reason ?? 'switched off by an operator' };
  if (desired?.suspended) return { state: 'suspended', reason: desired.suspended.reason };
  if (verdict?.state === 'disabled' || verdict?.state === 'suspended') return { state: 'registered', reason: 'wanted again; it is about to start' };
  if (verdict) return { state: verdict.state, reason: verdict.reason };
  return { state: 'registered', reason: 'known, but never judged: no health monitor has seen an instance of it' };
};

const worst = (routers: BreakerState[]): 'closed' | 'half-open' | 'open' =>
  routers.some(({ position }) => position === 'open') ? 'open' : routers.some(({ position }) => position === 'half-open') ? 'half-open' : 'closed';
