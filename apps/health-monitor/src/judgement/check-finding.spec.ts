import type { HealthReport, LifecycleState, PluginHealth } from '@conductor/contracts';
import { type CheckFacts, findingOf } from './check-finding';
import type { Rules } from './rules';

const rules: Rules = { timeoutMs: 1_000, degradedAboveMs: 200, failuresToFail: 3, presenceTtlMs: 4_000, startGraceMs: 60_000, leastRequests: 5, errorPercent: 50 };

const report = (lifecycle: LifecycleState, health: PluginHealth): HealthReport => ({
  check: 'c', platform: 'echo', instance: 'echo-1', pid: 1, lifecycle, health, requests: 0, errors: 0, abandoned: 0, inFlight: 0, rssMb: 50,
});

const answered = (over: { lifecycle?: LifecycleState; health?: PluginHealth; responseTimeMs?: number; requests?: number; errors?: number; lifecycleForMs?: number } = {}): CheckFacts => ({
  lifecycle: over.lifecycle ?? 'ready',
  lifecycleForMs: over.lifecycleForMs ?? 1_000_000,
  answer: {
    report: report(over.lifecycle ?? 'ready', over.health ?? { status: 'ok' }),
    responseTimeMs: over.responseTimeMs ?? 5,
    requests: over.requests ?? 0,
    errors: over.errors ?? 0,
  },
});
const unanswered = (lifecycle: LifecycleState, lifecycleForMs: number): CheckFacts => ({ lifecycle, lifecycleForMs });

describe('a check', () => {
  it.each<[string, CheckFacts, string, RegExp?]>([
    ['is good when it is answered in time and all is well', answered(), 'ok'],
    ['is good at exactly the limit of the response time', answered({ responseTimeMs: 200 }), 'ok'],
    ['finds a slow one degraded', answered({ responseTimeMs: 200.5 }), 'degraded', /slower than 200 ms/],
    ['finds degraded what says so, in its own words', answered({ health: { status: 'degraded', reason: 'the gateway lags' } }), 'degraded', /the gateway lags/],
    ['fails when the platform says that it failed', answered({ health: { status: 'failed', reason: 'logged out' } }), 'failed', /logged out/],
    ['fails rather than being slow, when it is both', answered({ health: { status: 'failed' }, responseTimeMs: 900 }), 'failed'],
    ['finds degraded what loses half of its messages', answered({ requests: 10, errors: 5 }), 'degraded', /50 % or more/],
    ['takes a few errors among many messages for good', answered({ requests: 10, errors: 4 }), 'ok'],
    ['draws no conclusion from very few messages', answered({ requests: 4, errors: 4 }), 'ok'],
    ['fails when no answer comes', unanswered('ready', 10_000), 'failed', /no answer within 1000 ms/],
    ['is no failure while it starts and is too busy to answer', unanswered('starting', 59_000), 'starting'],
    ['is a failure when it starts for too long without an answer', unanswered('starting', 61_000), 'failed'],
    ['is no failure while it starts', answered({ lifecycle: 'starting', health: { status: 'failed', reason: 'initializing' }, lifecycleForMs: 59_000 }), 'starting', /initializing/],
    ['is a failure when it starts for too long', answered({ lifecycle: 'starting', health: { status: 'failed' }, lifecycleForMs: 61_000 }), 'failed', /more than 60 s/],
    ['is no failure while it waits for its turn, however long', answered({ lifecycle: 'registered', health: { status: 'failed' }, lifecycleForMs: 999_000 }), 'starting'],
    ['is neither good nor bad of one that is switched off', answered({ lifecycle: 'disabled', health: { status: 'failed' } }), 'idle'],
    ['is neither good nor bad of one that is suspended, answered or not', unanswered('suspended', 1_000_000), 'idle'],
    ['finds what only a person can mend', answered({ health: { status: 'needs-attention', reason: 'the token was revoked' } }), 'needs-attention', /token/],
    ['finds what only a person can mend, at start', answered({ lifecycle: 'needs-attention', health: { status: 'needs-attention', reason: 'no token' } }), 'needs-attention', /no token/],
  ])('%s', (_, facts, result, reason = /./) => {
    expect(findingOf(facts, rules)).toEqual({ result, reason: expect.stringMatching(reason) });
  });
});
