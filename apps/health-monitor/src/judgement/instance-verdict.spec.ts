import type { LifecycleState, Presence } from '@conductor/contracts';
import type { CheckFinding } from './check-finding';
import { type InstanceFacts, judgeInstance } from './instance-verdict';
import type { Rules } from './rules';

const rules: Rules = { timeoutMs: 1_000, degradedAboveMs: 200, failuresToFail: 3, presenceTtlMs: 4_000, startGraceMs: 60_000, leastRequests: 5, errorPercent: 50 };
const NOW = Date.parse('2026-11-24T10:02:15Z');

const facts = (over: { lifecycle?: LifecycleState; reason?: string; silentForMs?: number; finding?: CheckFinding['result']; failures?: number; endedAgoMs?: number; at?: number; draining?: true } = {}): InstanceFacts => {
  const presence: Presence = {
    platform: 'echo', instance: 'echo-1', pid: 1, host: 'h', app: 'stubs', startedAt: NOW - 100_000, at: over.at ?? NOW - (over.silentForMs ?? 500),
    lifecycle: over.lifecycle ?? 'ready', reason: over.reason ?? 'as it says', concurrency: 10, inFlight: 0, rssMb: 50, draining: over.draining,
  };
  return {
    presence,
    seenAt: NOW - (over.silentForMs ?? 500),
    consecutiveFailures: over.failures ?? 0,
    finding: over.finding && { result: over.finding, reason: 'as it was found' },
    ended: over.endedAgoMs === undefined ? undefined : { at: NOW - over.endedAgoMs, how: 'was ended by SIGKILL; starting again in 0.5 s' },
  };
};

describe('an instance', () => {
  it.each<[string, InstanceFacts, string, RegExp?]>([
    ['is healthy after a good check', facts({ finding: 'ok' }), 'healthy'],
    ['is healthy when it is ready and was not checked yet, for it has passed a check of its own', facts(), 'healthy', /as it says/],
    ['is degraded when it says so and was not checked yet', facts({ lifecycle: 'degraded' }), 'degraded'],
    ['is healthy after a good check although it called itself degraded before', facts({ lifecycle: 'degraded', finding: 'ok' }), 'healthy'],
    ['is degraded after a slow check', facts({ finding: 'degraded' }), 'degraded'],
    ['is failing after one bad check', facts({ finding: 'failed', failures: 1 }), 'failing', /1 of the 3 .*as it was found/],
    ['is failing after two', facts({ finding: 'failed', failures: 2 }), 'failing'],
    ['is failed after three', facts({ finding: 'failed', failures: 3 }), 'failed', /^3 checks in a row failed: as it was found/],
    ['gives the same reason after thirty', facts({ finding: 'failed', failures: 30 }), 'failed', /^3 checks in a row failed: as it was found/],
    ['is silent when its presence is too old, however good its checks were', facts({ finding: 'ok', silentForMs: 4_001 }), 'silent', /silent since 10:02:10 UTC/],
    ['is not silent a moment before', facts({ finding: 'ok', silentForMs: 4_000 }), 'healthy'],
    ['is silent at once when its process is known to have ended', facts({ finding: 'ok', endedAgoMs: 100 }), 'silent', /its process was ended by SIGKILL/],
    ['is not silent when it was heard after the process of that time ended', facts({ finding: 'ok', endedAgoMs: 100, at: NOW - 50 }), 'healthy'],
    ['is silent also when it was switched off', facts({ lifecycle: 'disabled', silentForMs: 9_000 }), 'silent'],
    ['is idle when it is switched off', facts({ lifecycle: 'disabled' }), 'idle'],
    ['is idle when it is suspended', facts({ lifecycle: 'suspended', finding: 'idle' }), 'idle'],
    ['is idle while it finishes what it has in hand, since it takes nothing more', facts({ finding: 'ok', draining: true }), 'idle', /finishes what it has in hand/],
    ['is starting while it waits for its turn', facts({ lifecycle: 'registered' }), 'starting'],
    ['is starting while it starts', facts({ lifecycle: 'starting', finding: 'starting' }), 'starting'],
    ['is failing when it starts for too long', facts({ lifecycle: 'starting', finding: 'failed', failures: 1 }), 'failing'],
    ['is failed at once when it says that it did not get up', facts({ lifecycle: 'failed', reason: 'no network' }), 'failed', /no network/],
    ['is failed when a person has to mend it', facts({ lifecycle: 'needs-attention', reason: 'bad token' }), 'failed', /bad token/],
  ])('%s', (_, given, verdict, reason = /./) => {
    expect(judgeInstance(given, NOW, rules)).toMatchObject({ verdict, reason: expect.stringMatching(reason) });
  });

  it('tells when only a person can mend it', () => {
    expect(judgeInstance(facts({ lifecycle: 'needs-attention' }), NOW, rules).needsAttention).toBe(true);
    expect(judgeInstance(facts({ finding: 'needs-attention' }), NOW, rules).needsAttention).toBe(true);
    expect(judgeInstance(facts({ finding: 'failed', failures: 3 }), NOW, rules).needsAttention).toBeUndefined();
  });
});
