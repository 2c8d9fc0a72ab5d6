import type { UsedForecast } from '@conductor/contracts';
import type { Draft } from './draft';
import { isSpike, learnLoad } from './load-memory';
import type { PlatformObservation } from './observation';
import type { LoadMemory } from './scaler-state';
import { inWords } from './shedding';
import { inWordsOf, type Step, stepDown, stepUp } from './load-steps';

interface Need {
  readonly trigger: 'gradual' | 'spike' | 'time-of-day';
  readonly rule: string;
  readonly because: string;
  readonly forecast?: UsedForecast;
  /** More workers may do; only where one process is the limit are more processes the first answer. */
  readonly wants: 'workers' | 'instances';
}

/** Load next: more workers at once, fewer after a long quiet, the idlest platform first and one at a time. */
export const decideLoad = (draft: Draft): void => {
  const { policy, seen, state } = draft;
  learn(draft);
  if (!policy.load.enabled) return;
  const serving = seen.platforms.filter(({ wanted, serving: up, instances }) => wanted === 'on' && up && instances > 0);
  for (const platform of serving) {
    const need = needOf(draft, platform);
    if (need) scaleUp(draft, platform, need);
    watchQuiet(draft, platform, need !== undefined);
  }
  if (state.pending) return;
  const idle = serving.filter((platform) => isQuietForLong(draft, platform)).sort((a, b) => busy(a) - busy(b) || (a.requestsPerSecond ?? 0) - (b.requestsPerSecond ?? 0));
  for (const platform of idle) if (scaleDown(draft, platform)) return;
};

const learn = (draft: Draft): void => {
  const { policy, seen, now, state } = draft;
  const { spikeFactor, spikeLeastRequestsPerSecond } = policy.load;
  const load: Record<string, LoadMemory> = {};
  for (const platform of seen.platforms) {
    const before = state.load[platform.name];
    load[platform.name] = learnLoad(before, platform, now, state.sinceMs ?? 0, spikeFactor, spikeLeastRequestsPerSecond);
  }
  draft.remember({ load });
};

const needOf = (draft: Draft, platform: PlatformObservation): Need | undefined => {
  const { policy: { load: policy }, foresight, now } = draft;
  const memory = draft.state.load[platform.name]!;
  const { name, instances, requestsPerSecond: rate = 0, queueAgeMs = 0 } = platform;
  if (isSpike(memory, now)) {
    return { trigger: 'spike', rule: `spike: ${policy.spikeFactor} times the normal rate within 30 s, as observed`, because: `its rate jumped to ${shown(rate)} a second, ${(rate / Math.max(memory.normal ?? 0, 0.001)).toFixed(1)} times what is normal`, wants: 'workers' };
  }
  const wait = atLeast(queueAgeMs, foresight.queueAge.get(name));
  if (wait.value > policy.queueAgeMs) return { trigger: 'gradual', rule: `gradual: a message waits longer than ${inWords(policy.queueAgeMs)}, observed or forecast`, because: `its oldest message ${wait.forecast ? `is forecast to wait ${inWords(wait.value)}` : `has waited ${inWords(wait.value)}`}`, wants: 'workers', ...wait.used };
  const load = atLeast(rate, foresight.requests.get(name));
  const capacity = policy.requestsPerSecondPerInstance * instances;
  if (load.value > capacity) return { trigger: 'gradual', rule: `gradual: more than ${policy.requestsPerSecondPerInstance} requests a second and instance, observed or forecast`, because: `${shown(load.value)} requests a second ${load.forecast ? 'are forecast' : 'come in'}, more than the ${shown(capacity)} that ${instances} instance${instances > 1 ? 's are' : ' is'} meant for`, wants: 'instances', ...load.used };
  if (busy(platform) * 100 >= policy.busyPercent && platform.inFlight > 1) return { trigger: 'gradual', rule: `gradual: ${policy.busyPercent} % of the workers are busy`, because: `${platform.inFlight} of its ${platform.concurrency} workers are busy`, wants: 'workers' };
  const peak = foresight.dailyPeak.get(name);
  const high = Math.max(capacity, policy.spikeLeastRequestsPerSecond);
  if (peak && peak.value > high) return { trigger: 'time-of-day', rule: `time of day: ahead of a learned daily peak by ${inWords(policy.dailyPeakAheadMs)}`, because: `about now the day brings ${shown(peak.value)} requests a second within ${inWords(peak.lookAheadMs)}, more than the ${shown(capacity)} that are provided for`, forecast: peak, wants: 'instances' };
  return undefined;
};

const atLeast = (observed: number, forecast: UsedForecast | undefined) =>
  forecast && forecast.value > observed ? { value: forecast.value, forecast, used: { forecast } } : { value: observed, forecast: undefined, used: {} };

const scaleUp = (draft: Draft, platform: PlatformObservation, need: Need): void => {
  const { policy: { load: policy }, now } = draft;
  const memory = draft.state.load[platform.name]!;
  if (memory.upAt !== undefined && now - memory.upAt < policy.upEveryMs) return;
  const step = stepUp(draft, platform, need.wants);
  if (!step) return;
  rememberLoad(draft, platform.name, { ...memory, upAt: now });
  tell(draft, platform, 'scale-up', need, step, `${platform.name} gets ${inWordsOf(step.action)} because ${need.because}`, now + policy.scaleDownAfterMs);
};

const watchQuiet = (draft: Draft, platform: PlatformObservation, needed: boolean): void => {
  const memory = draft.state.load[platform.name]!;
  const { quietSince, ...rest } = memory;
  const quiet = !needed && isQuiet(draft, platform);
  rememberLoad(draft, platform.name, quiet ? { ...rest, quietSince: quietSince ?? draft.now } : rest);
};

/** By what is observed alone: it would be quiet with one step less, too. */
const isQuiet = ({ policy: { load: policy } }: Draft, platform: PlatformObservation): boolean => {
  const { requestsPerSecond, queueAgeMs = 0, instances } = platform;
  if (requestsPerSecond === undefined) return false;
  const roomy = instances <= 1 || requestsPerSecond < policy.requestsPerSecondPerInstance * (instances - 1) * (policy.busyPercent / 100);
  return roomy && queueAgeMs < policy.queueAgeMs / 2 && busy(platform) * 100 < policy.busyPercent / 2;
};

const isQuietForLong = ({ policy, state, now }: Draft, { name }: PlatformObservation): boolean => {
  const since = state.load[name]?.quietSince;
  return since !== undefined && now - since >= policy.load.scaleDownAfterMs;
};

/** @returns whether there was something to take back */
const scaleDown = (draft: Draft, platform: PlatformObservation): boolean => {
  const { policy: { load: policy }, now } = draft;
  const step = stepDown(draft, platform);
  if (!step) return false;
  const { quietSince: _again, ...memory } = draft.state.load[platform.name]!;
  rememberLoad(draft, platform.name, memory);
  const need: Need = { trigger: 'gradual', rule: `down after ${inWords(policy.scaleDownAfterMs)} of quiet, the idlest first`, because: '', wants: 'workers' };
  tell(draft, platform, 'scale-down', need, step, `${platform.name} gives back ${inWordsOf(step.action)} after ${inWords(policy.scaleDownAfterMs)} of quiet`, now + policy.scaleDownAfterMs);
  return true;
};

const tell = (draft: Draft, platform: PlatformObservation, kind: 'scale-up' | 'scale-down', need: Need, { action, needMb }: Step, reason: string, reconsiderAt: number): void => {
  const { name, requestsPerSecond, queueAgeMs, inFlight, concurrency, instances, pool } = platform;
  const normal = draft.state.load[name]?.normal;
  draft.decide({
    kind,
    platforms: [name],
    trigger: kind === 'scale-down' ? 'quiet' : need.trigger,
    rule: need.rule,
    reason,
    inputs: {
      inFlight, concurrency, instances,
      ...(requestsPerSecond !== undefined && { requestsPerSecond }),
      ...(normal !== undefined && { normalRequestsPerSecond: Math.round(normal * 100) / 100 }),
      ...(queueAgeMs !== undefined && { queueAgeMs }),
      ...(pool && { poolSize: pool.size }),
    },
    ...(need.forecast && { forecast: need.forecast }),
    action,
    expected: needMb === undefined ? {} : { freedMb: -Math.round(needMb) },
    reconsiderAt,
  });
};

const rememberLoad = (draft: Draft, platform: string, memory: LoadMemory): void => draft.remember({ load: { ...draft.state.load, [platform]: memory } });

const busy = ({ inFlight, concurrency }: PlatformObservation): number => (concurrency > 0 ? inFlight / concurrency : 0);
const shown = (rate: number): string => (rate >= 10 ? rate.toFixed(0) : rate.toFixed(1));
