import type { DesiredState, LifecycleState } from '@conductor/contracts';
import { type JudgedInstance, judgePlatform, type PlatformFacts } from './platform-verdict';
import type { Rules } from './rules';

const rules: Rules = { timeoutMs: 1_000, degradedAboveMs: 200, failuresToFail: 3, presenceTtlMs: 4_000, startGraceMs: 60_000, leastRequests: 5, errorPercent: 50 };
const NOW = Date.parse('2026-11-24T10:02:15Z');
const AGO = NOW - 4_000;

let count = 0;
const one = (verdict: JudgedInstance['verdict'], over: Partial<JudgedInstance> = {}): JudgedInstance => ({
  id: `echo-${++count}`, verdict, lifecycle: verdict === 'starting' ? 'starting' : 'ready', reason: `why ${verdict}`, goodCheckAt: 0, ...over,
});
const silent = () => one('silent', { silentSince: AGO });
const needy = () => one('failed', { needsAttention: true, reason: 'bad token' });

const wish = (over: Partial<DesiredState>): DesiredState => ({ platform: 'echo', enabled: true, pinned: false, restarts: 0, version: 1, at: 0, ...over });
const was = (state: LifecycleState, agoMs = 10_000) => ({ state, since: NOW - agoMs });
const facts = (instances: JudgedInstance[], over: Partial<PlatformFacts> = {}): PlatformFacts => ({ name: 'echo', instances, now: NOW, before: was('ready'), ...over });

beforeEach(() => {
  count = 0;
});

describe('a platform', () => {
  it.each<[string, () => PlatformFacts, LifecycleState, RegExp?]>([
    ['is ready when its instance is healthy', () => facts([one('healthy')]), 'ready', /its instance is healthy/],
    ['is ready when all are', () => facts([one('healthy'), one('healthy')]), 'ready', /all 2 instances/],
    ['is ready when any is, and says what is wrong with the others', () => facts([silent(), one('healthy')]), 'ready', /1 of 2 instances is healthy; echo-1 is silent: why silent/],
    ['is degraded when none is better', () => facts([one('degraded'), one('failed')]), 'degraded', /echo-1 is degraded: why degraded/],
    ['is degraded, not failed, after one bad check', () => facts([one('failing')]), 'degraded', /echo-1 is failing/],
    ['is starting when its instance starts', () => facts([one('starting')], { before: was('registered') }), 'starting', /why starting/],
    ['is registered while all wait for their turn', () => facts([one('starting', { lifecycle: 'registered' })], { before: undefined }), 'registered'],
    ['is starting after a failure too', () => facts([one('starting'), silent()], { before: was('failed') }), 'starting'],
    ['is registered when it is wanted again and its instance does not know yet', () => facts([one('idle', { lifecycle: 'disabled' })], { before: was('disabled') }), 'registered'],
    ['is failed when its only instance is silent, with what to do', () => facts([silent()]), 'failed', /its only instance is silent since 10:02:11 UTC; the process may be dead or hung; look at its log, or restart it with POST \/v1\/platforms\/echo\/restart/],
    ['is failed when all are silent', () => facts([silent(), silent()]), 'failed', /all 2 instances are silent since 10:02:11 UTC/],
    ['says how the process ended when that is known', () => facts([one('silent', { silentSince: AGO, reason: 'its process was ended by SIGKILL' })]), 'failed', /since 10:02:11 UTC: its process was ended by SIGKILL/],
    ['is failed when all failed, in their words', () => facts([one('failed'), one('failed')]), 'failed', /all 2 instances failed: why failed;/],
    ['is failed when some failed and some are silent', () => facts([one('failed'), silent(), silent()]), 'failed', /none of its 3 instances works: 2 silent, 1 failed \(why failed\)/],
    ['needs attention when none works and one needs it', () => facts([needy(), silent()]), 'needs-attention', /bad token/],
    ['does not need attention as long as one works', () => facts([needy(), one('healthy')]), 'ready', /bad token/],
    ['is recovering when it answers again', () => facts([one('healthy', { goodCheckAt: NOW })], { before: was('failed') }), 'recovering', /one more good check/],
    ['is recovering until the next good check', () => facts([one('healthy', { goodCheckAt: NOW - 1_000 })], { before: was('recovering', 1_000) }), 'recovering'],
    ['is ready after the next good check', () => facts([one('healthy', { goodCheckAt: NOW })], { before: was('recovering', 1_000) }), 'ready'],
    ['is degraded when the next check is a slow one', () => facts([one('degraded', { goodCheckAt: NOW })], { before: was('recovering', 1_000) }), 'degraded'],
    ['is failed again when the next check is a bad one', () => facts([one('failing')], { before: was('recovering', 1_000) }), 'failed', /why failing/],
    ['stays failed as long as checks fail', () => facts([one('failing')], { before: was('failed') }), 'failed'],
    ['is disabled when it is not wanted, whatever its instances do', () => facts([one('healthy')], { desired: wish({ enabled: false, reason: 'maintenance' }) }), 'disabled', /maintenance/],
    ['is disabled with a reason also when nobody gave one', () => facts([silent()], { desired: wish({ enabled: false }) }), 'disabled', /by an operator/],
    ['is suspended when the scaler wants it so', () => facts([one('idle')], { desired: wish({ suspended: { reason: 'memory is short', since: 1 } }) }), 'suspended', /memory is short/],
    ['is failed when its last instance has left', () => facts([]), 'failed', /no instance is running: start the app that hosts echo/],
    ['is registered before anything ran', () => facts([], { before: undefined, desired: wish({}) }), 'registered'],
    ['is registered for a while when it is switched on', () => facts([], { before: was('disabled', 59_000) }), 'registered'],
    ['is failed when nothing ever comes', () => facts([], { before: was('registered', 61_000) }), 'failed'],
    ['stays failed with nobody there', () => facts([], { before: was('failed', 1_000) }), 'failed'],
  ])('%s', (_, given, state, reason = /./) => {
    expect(judgePlatform(given(), rules)).toEqual({ state, reason: expect.stringMatching(reason) });
  });

  it('names three instances at most', () => {
    const { reason } = judgePlatform(facts([1, 2, 3, 4, 5].map(() => one('degraded'))), rules);

    expect(reason).toMatch(/echo-3 is degraded: why degraded; and 2 more$/);
  });
});
