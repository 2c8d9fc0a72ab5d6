import type { InstanceVerdict, Presence } from '@conductor/contracts';
import type { CheckFinding } from './check-finding';
import { isIdle } from './check-finding';
import type { Rules } from './rules';

/** What is known of one instance. Times are epoch milliseconds by the monitor's clock unless said otherwise. */
export interface InstanceFacts {
  presence: Presence;
  /** When its presence was last seen to move. */
  seenAt: number;
  /** The latest check in its present lifecycle; absent until there was one. */
  finding?: CheckFinding | undefined;
  consecutiveFailures: number;
  /** Its process is known to have ended, by the clock of its own machine. */
  ended?: { at: number; how: string } | undefined;
}

export interface InstanceJudgement {
  verdict: InstanceVerdict;
  reason: string;
  /** No retry mends it: a person has to. */
  needsAttention?: true;
  silentSince?: number;
}

/** The verdict on one instance. What it says of itself counts only as long as it is heard. */
export const judgeInstance = (facts: InstanceFacts, now: number, rules: Rules): InstanceJudgement => {
  const { presence, seenAt, ended, finding } = facts;
  if (ended && presence.at <= ended.at) return { verdict: 'silent', reason: `its process ${ended.how}`, silentSince: ended.at };
  if (now - seenAt > rules.presenceTtlMs) return { verdict: 'silent', reason: `silent since ${clock(seenAt)}`, silentSince: seenAt };

  const said = presence.reason ?? presence.lifecycle;
  if (isIdle(presence.lifecycle)) return { verdict: 'idle', reason: said };
  if (presence.draining) return { verdict: 'idle', reason: 'it finishes what it has in hand, and takes nothing more' };
  if (presence.lifecycle === 'needs-attention') return { verdict: 'failed', reason: said, needsAttention: true };
  // It did not get up, or gave up: it takes no work, so there is nothing to wait for.
  if (presence.lifecycle === 'failed') return { verdict: 'failed', reason: said };
  if (presence.lifecycle === 'registered' || presence.lifecycle === 'starting') return finding?.result === 'failed' ? failing(facts, finding, rules) : { verdict: 'starting', reason: said };

  // It has just passed a check of its own, else it would not call itself so; ours is to come.
  if (!finding) return presence.lifecycle === 'degraded' ? { verdict: 'degraded', reason: said } : { verdict: 'healthy', reason: said };
  switch (finding.result) {
    case 'ok':
      return { verdict: 'healthy', reason: finding.reason };
    case 'degraded':
      return { verdict: 'degraded', reason: finding.reason };
    case 'failed':
      return failing(facts, finding, rules);
    case 'needs-attention':
      return { verdict: 'failed', reason: finding.reason, needsAttention: true };
    case 'starting':
    case 'idle':
      return { verdict: finding.result, reason: finding.reason };
  }
};

const failing = ({ consecutiveFailures }: InstanceFacts, { reason }: CheckFinding, { failuresToFail }: Rules): InstanceJudgement =>
  consecutiveFailures >= failuresToFail
    ? { verdict: 'failed', reason: `${failuresToFail} checks in a row failed: ${reason}` }
    : { verdict: 'failing', reason: `${consecutiveFailures} of the ${failuresToFail} failed checks that mark it failed: ${reason}` };

/** `10:02:11 UTC`, as in the log. */
export const clock = (at: number): string => `${new Date(at).toISOString().slice(11, 19)} UTC`;
