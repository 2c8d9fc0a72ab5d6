import type { Result } from 'ioredis';
import type { RedisConnections } from '@conductor/connections';
import { DesiredState, isAvailable, type PlatformState } from '@conductor/contracts';
import type { Logger } from '@conductor/observability';
import { type Fence, FencedOff, fenceKey } from './fence';
import { luaJson } from './lua-json';
import type { Notices } from './notices';
import { patchScript } from './patch-script';
import { Replica } from './replica';

/** Only to check: what is not named stays as it is. */
const Wish = DesiredState.partial();

/**
 * Every platform as it is wanted (desired state, versioned, written by people and the scaler) and as it is judged (verdicts,
 * written by the health monitor).
 */
export class PlatformDirectory {
  readonly desired: Replica<DesiredState>;
  readonly verdicts: Replica<PlatformState>;
  private readonly desiredKey: string;
  private readonly verdictsKey: string;

  constructor(
    private readonly connections: RedisConnections,
    private readonly notices: Notices,
    logger: Logger,
  ) {
    this.desiredKey = `${connections.namespace}:desired`;
    this.verdictsKey = `${connections.namespace}:verdicts`;
    // Only what was ever wished for is written down; a platform that was pinned and nothing else is as wanted as before.
    this.desired = new Replica(connections, this.desiredKey, logger, (wish) => ({ ...UNLESS_WISHED, ...wish }));
    this.verdicts = new Replica(connections, this.verdictsKey, logger);
    notices.on('desired', ({ desired }) => this.desired.take(desired.platform, desired));
    notices.on('verdict', ({ platform }) => this.verdicts.take(platform.name, platform));
    connections.commands.defineCommand('conductorDesire', { numberOfKeys: 2, lua: DESIRE });
  }

  async open(): Promise<void> {
    await Promise.all([this.desired.open(), this.verdicts.open()]);
  }

  close() {
    this.desired.close();
    this.verdicts.close();
  }

  /** Names of all platforms anyone has heard of, sorted. */
  names(): string[] {
    return [...new Set([...this.verdicts.all().map(({ name }) => name), ...this.desired.all().map(({ platform }) => platform)])].sort();
  }

  has(platform: string): boolean {
    return this.verdicts.get(platform) !== undefined || this.desired.get(platform) !== undefined;
  }

  /** Whether a message may be sent there now, by the latest verdict and the operator's will; and why. */
  availability(platform: string): { available: boolean; state: string; why: string } {
    const desired = this.desired.get(platform);
    if (desired && !desired.enabled) return { available: false, state: 'disabled', why: desired.reason ?? 'switched off by an operator' };
    if (desired?.suspended) return { available: false, state: 'suspended', why: desired.suspended.reason };
    const verdict = this.verdicts.get(platform);
    if (!verdict) return { available: desired !== undefined, state: 'registered', why: 'no health verdict yet' };
    return { available: isAvailable(verdict.state), state: verdict.state, why: verdict.reason };
  }

  /**
   * Changes what is wanted of a platform; `null` takes a wish back.
   * @param fence of who may only wish while nobody took over from him
   * @throws RedisUnavailable, FencedOff, and ZodError for a wish that cannot be; nothing is written then
   */
  async desire(platform: string, patch: Partial<{ [K in keyof DesiredState]: DesiredState[K] | null }>, fence?: Fence): Promise<DesiredState> {
    Wish.parse(Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== null)));
    const key = fenceKey(this.connections.namespace, fence?.name ?? 'nobody');
    const json = await this.connections.commands.conductorDesire(this.desiredKey, key, platform, luaJson({ ...patch, at: Date.now() }), fence?.token ?? -1);
    if (json === null) throw new FencedOff(fence!);
    const desired = DesiredState.parse(JSON.parse(json));
    this.desired.take(platform, desired);
    await this.notices.publish({ type: 'desired', desired });
    return desired;
  }

  /** Spreads a verdict. For the health monitor. @throws RedisUnavailable */
  async judge(verdict: PlatformState): Promise<void> {
    this.verdicts.take(verdict.name, verdict);
    // Published first: a router hears it within a round trip; the hash is what late comers read.
    await Promise.all([
      this.notices.publish({ type: 'verdict', platform: verdict }),
      this.connections.commands.hset(this.verdictsKey, verdict.name, JSON.stringify(verdict)),
    ]);
  }
}

const UNLESS_WISHED = { enabled: true, pinned: false, restarts: 0 };

/** Nothing is written for someone from whom another has taken over. */
const DESIRE = `
  if tonumber(ARGV[3]) >= 0 and tonumber(redis.call('GET', KEYS[2]) or '0') > tonumber(ARGV[3]) then return nil end
  ${patchScript('platform')}`;

declare module 'ioredis' {
  interface RedisCommander<Context> {
    conductorDesire(key: string, fence: string, platform: string, patch: string, token: number): Result<string | null, Context>;
  }
}
