import { isDeepStrictEqual } from 'node:util';
import { asRedisUnavailable, type RedisConnections } from '@conductor/connections';
import { ScalingPolicy, type ScalingPolicyPatch, ScalingPolicyView, ScalingView } from '@conductor/contracts';
import type { Result } from 'ioredis';
import { type Fence, FencedOff, fenceKey } from './fence';
import { luaJson } from './lua-json';
import type { Notices } from './notices';

const KEEP = `
  if tonumber(redis.call('GET', KEYS[2]) or '0') > tonumber(ARGV[2]) then return 0 end
  redis.call('SET', KEYS[1], ARGV[1])
  return 1`;
const SAVE_POLICY = `
  local old = redis.call('GET', KEYS[1])
  local version = old and tonumber(string.match(old, '^{"version":(%d+)')) or 0
  if tonumber(ARGV[2]) ~= version then return 0 end
  redis.call('SET', KEYS[1], ARGV[1])
  return 1`;

declare module 'ioredis' {
  interface RedisCommander<Context> {
    conductorKeepScalerState(key: string, fence: string, state: string, token: number): Result<0 | 1, Context>;
    conductorSaveScalingPolicy(key: string, policy: string, expected: number): Result<0 | 1, Context>;
  }
}

/** What holds as long as nobody said anything else. */
const DEFAULT_POLICY: ScalingPolicyView = { version: 0, at: 0, policy: ScalingPolicy.parse({}) };
/** The acting scaler's view is dropped when it is silent for so long. */
const VIEW_TTL_MS = 60_000;

/** What scalers and conductors share of scaling: the policy, what the acting scaler sees, and what it remembers. */
export class ScalingBoard {
  private readonly keys: { policy: string; view: string; state: string; evidence: string; fence: string };

  constructor(
    private readonly connections: RedisConnections,
    private readonly notices: Notices,
  ) {
    const { namespace, commands } = connections;
    const fence = fenceKey(namespace, 'scaler');
    this.keys = { policy: `${namespace}:scaling:policy`, view: `${namespace}:scaling:view`, state: `${fence}:state`, evidence: `${fence}:evidence`, fence };
    commands.defineCommand('conductorKeepScalerState', { numberOfKeys: 2, lua: KEEP });
    commands.defineCommand('conductorSaveScalingPolicy', { numberOfKeys: 1, lua: SAVE_POLICY });
  }

  /** @throws RedisUnavailable */
  async policy(): Promise<ScalingPolicyView> {
    const json = await this.unlessAway(this.connections.commands.get(this.keys.policy));
    if (json === null) return DEFAULT_POLICY;
    const stored = JSON.parse(json) as ScalingPolicyView;
    // Settings that a later version has get their defaults; what makes no sense to this one is as good as none.
    return ScalingPolicyView.safeParse(stored).data ?? { ...DEFAULT_POLICY, version: stored.version };
  }

  /**
   * Changes some settings; `load` is merged setting by setting.
   * @returns the policy before and after; the same one when nothing would change, and then nothing is written or told
   * @throws ZodError when the whole would make no sense, RedisUnavailable
   */
  changePolicy(patch: ScalingPolicyPatch): Promise<{ before: ScalingPolicyView; after: ScalingPolicyView }> {
    return this.replacePolicy((policy) => ScalingPolicy.parse({ ...policy, ...patch, load: { ...policy.load, ...patch.load } }));
  }

  /** Back to the policy that holds when nobody said anything. @returns as `changePolicy` does @throws RedisUnavailable */
  resetPolicy(): Promise<{ before: ScalingPolicyView; after: ScalingPolicyView }> {
    return this.replacePolicy(() => DEFAULT_POLICY.policy);
  }

  private async replacePolicy(change: (policy: ScalingPolicy) => ScalingPolicy): Promise<{ before: ScalingPolicyView; after: ScalingPolicyView }> {
    for (;;) {
      const before = await this.policy();
      const after: ScalingPolicyView = { version: before.version + 1, at: Date.now(), policy: change(before.policy) };
      if (isDeepStrictEqual(after.policy, before.policy)) return { before, after: before };
      const saved = await this.unlessAway(this.connections.commands.conductorSaveScalingPolicy(this.keys.policy, luaJson(after), before.version));
      if (saved !== 1) continue; // somebody else was faster: theirs first, then this on top
      await this.notices.publish({ type: 'scaling-policy', policy: after });
      return { before, after };
    }
  }

  /** What the acting scaler saw last; undefined when none acts. @throws RedisUnavailable */
  async view(): Promise<ScalingView | undefined> {
    const json = await this.unlessAway(this.connections.commands.get(this.keys.view));
    return json === null ? undefined : ScalingView.safeParse(JSON.parse(json)).data;
  }

  async show(view: ScalingView): Promise<void> {
    await this.unlessAway(this.connections.commands.set(this.keys.view, JSON.stringify(view), 'PX', VIEW_TTL_MS));
  }

  /** What the scaler before this one remembered. @throws RedisUnavailable */
  async state(): Promise<unknown> {
    const json = await this.unlessAway(this.connections.commands.get(this.keys.state));
    return json === null ? undefined : (JSON.parse(json) as unknown);
  }

  /** @throws FencedOff when another scaler has taken over, RedisUnavailable */
  async keepState(state: unknown, fence: Fence): Promise<void> {
    await this.keepUnder(this.keys.state, JSON.stringify(state), fence);
  }

  /** How the forecasts' models have done, as the scaler before this one wrote it. @throws RedisUnavailable */
  async evidence(): Promise<string | undefined> {
    return (await this.unlessAway(this.connections.commands.get(this.keys.evidence))) ?? undefined;
  }

  /** @throws FencedOff when another scaler has taken over, RedisUnavailable */
  async keepEvidence(evidence: string, fence: Fence): Promise<void> {
    await this.keepUnder(this.keys.evidence, evidence, fence);
  }

  private async keepUnder(key: string, text: string, fence: Fence): Promise<void> {
    const kept = await this.unlessAway(this.connections.commands.conductorKeepScalerState(key, this.keys.fence, text, fence.token));
    if (kept !== 1) throw new FencedOff(fence);
  }

  private async unlessAway<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      throw asRedisUnavailable(error);
    }
  }
}
