import type { HealthReport, InstanceHealth, PlatformState, Presence, ProcessState } from '@conductor/contracts';
import { type CheckFinding, findingOf } from './judgement/check-finding';
import { type InstanceFacts, judgeInstance } from './judgement/instance-verdict';
import type { JudgedInstance } from './judgement/platform-verdict';
import type { Rules } from './judgement/rules';
import { type Deltas, since, type Totals } from './totals';

/** An answer to a check, as it arrived. */
export interface Answer {
  report: HealthReport;
  responseTimeMs: number;
}

/** One instance, with what the checks have shown. */
export interface KnownInstance extends InstanceFacts {
  lifecycleSince: number;
  lastCheckAt: number;
  /** Of the latest check that was answered. */
  responseTimeMs: number;
  goodCheckAt: number;
  totals?: Totals | undefined;
  /** A monitor before this one checked it, so its totals are not all new. */
  inherited: boolean;
}

/** What the latest check of an instance adds to the history. */
export interface Checked extends Deltas {
  known: KnownInstance;
  responseTimeMs: number | null;
  rssMb: number;
}

/** One instance as it is judged, and with its figures. */
export interface JudgedHealth {
  platform: string;
  judged: JudgedInstance;
  health: InstanceHealth;
}

/**
 * Every instance that is known, and what is known of it. Its facts come from three sides: the presence it keeps reporting,
 * its answers to checks, and the launcher, which sees processes end.
 */
export class Roster {
  private readonly instances = new Map<string, KnownInstance>();
  /** Process ids by app, to tell the instances of a dead process from those of its successor. */
  private readonly pids = new Map<string, number>();
  private inherited = new Map<string, InstanceHealth>();
  private updatedAt?: number;

  constructor(private readonly rules: Rules) {}

  /** Starts from nothing but what the monitor before found, so that a change of monitors is no change of verdicts. */
  takeOver(states: readonly PlatformState[]): void {
    this.instances.clear();
    this.inherited = new Map(states.flatMap(({ instances }) => instances.map((instance) => [instance.id, instance] as const)));
    delete this.updatedAt;
  }

  /**
   * Takes in all presences there are; who is missing has left in good order.
   * @param blind nobody could report for a while, so that what looks old need not be
   */
  update(presences: readonly Presence[], now: number, blind: boolean): void {
    const lookedAt = this.updatedAt ?? now;
    const here = new Set(presences.map(({ instance }) => instance));
    for (const id of this.instances.keys()) if (!here.has(id)) this.instances.delete(id);
    for (const presence of presences) {
      const known = this.instances.get(presence.instance);
      if (known) this.refresh(known, presence, now, lookedAt);
      else this.instances.set(presence.instance, this.meet(presence, now, blind));
    }
    this.updatedAt = now;
  }

  /** An instance answered a check, or did not. @returns undefined for one that is not known (any more) */
  checked(id: string, answer: Answer | undefined, now: number): Checked | undefined {
    const known = this.instances.get(id);
    if (!known) return undefined;
    const deltas = answer ? since(known.totals, answer.report, known.inherited) : { requests: 0, errors: 0 };
    const finding = findingOf(
      {
        lifecycle: known.presence.lifecycle,
        lifecycleForMs: now - known.lifecycleSince,
        ...(answer && { answer: { ...answer, ...deltas } }),
      },
      this.rules,
    );
    this.note(known, finding, now);
    if (answer) {
      known.totals = { requests: answer.report.requests, errors: answer.report.errors };
      known.responseTimeMs = answer.responseTimeMs;
    }
    return { known, ...deltas, responseTimeMs: answer?.responseTimeMs ?? null, rssMb: answer?.report.rssMb ?? known.presence.rssMb };
  }

  /** The launcher tells of a process. @returns the platforms that lost an instance by it */
  processChanged({ app, pid, reason, at }: ProcessState): string[] {
    const former = this.pids.get(app);
    // The launcher calls further processes of an app `stubs#2`; their presences name the app alone, so only the process id tells them apart.
    const ofApp = app.split('#', 1)[0];
    const isFurther = app !== ofApp;
    if (pid !== undefined) this.pids.set(app, pid);
    if (pid !== undefined && pid === former) return [];
    if (pid !== undefined && former === undefined) return []; // the first we hear of it
    const platforms = new Set<string>();
    for (const known of this.instances.values()) {
      const { presence } = known;
      const died = presence.app === ofApp && (former !== undefined || !isFurther) && presence.startedAt < at && (former === undefined || presence.pid === former);
      const news = pid === undefined ? (reason.split('\n', 1)[0] ?? reason) : undefined;
      if (known.ended && presence.app === ofApp && !isFurther && news !== undefined && known.ended.how !== news) {
        // Its process was quarantined since: the reason that is shown must be the last one.
        known.ended = { ...known.ended, how: news };
        platforms.add(presence.platform);
      }
      if (!died || known.ended) continue;
      known.ended = { at, how: pid === undefined ? (reason.split('\n', 1)[0] ?? reason) : 'ended' };
      platforms.add(presence.platform);
    }
    if (pid === undefined) this.pids.delete(app);
    return [...platforms];
  }

  /** Those nobody needs to hear of any more: silent for very long, or dead with a successor that lives. */
  gone(now: number, forgetAfterMs: number): string[] {
    const heard = this.heard(now);
    const alive = new Set(heard.map(({ instance }) => instance));
    const livesOn = new Set(heard.map(({ platform }) => platform));
    // Where no launcher tells of it: the same app came up anew on the same host after this one was last heard.
    const succeeded = ({ presence: { platform, app, host }, seenAt }: KnownInstance) => heard.some((other) => other.platform === platform && other.app === app && other.host === host && other.startedAt > seenAt);
    return this.all()
      .filter(({ presence }) => !alive.has(presence.instance))
      .filter((known) => now - known.seenAt > forgetAfterMs || (known.ended && livesOn.has(known.presence.platform)) || succeeded(known))
      .map(({ presence }) => presence.instance);
  }

  /** Those that may be expected to answer. */
  heard(now: number): Presence[] {
    return this.all()
      .filter((known) => judgeInstance(known, now, this.rules).verdict !== 'silent')
      .map(({ presence }) => presence);
  }

  all(): KnownInstance[] {
    return [...this.instances.values()];
  }

  /** Every instance, judged now, by platform. */
  judgedAll(now: number): Map<string, JudgedHealth[]> {
    const all = this.all().sort(byId).map((known) => this.judge(known, now));
    return Map.groupBy(all, ({ platform }) => platform);
  }

  /** The instances of one platform. */
  judged(platform: string, now: number): JudgedHealth[] {
    return this.all()
      .filter(({ presence }) => presence.platform === platform)
      .sort(byId)
      .map((known) => this.judge(known, now));
  }

  private judge(known: KnownInstance, now: number): JudgedHealth {
    const { presence, goodCheckAt, lastCheckAt, responseTimeMs, consecutiveFailures } = known;
    const judgement = judgeInstance(known, now, this.rules);
    return {
      platform: presence.platform,
      judged: { ...judgement, id: presence.instance, lifecycle: presence.lifecycle, goodCheckAt },
      health: {
        id: presence.instance,
        verdict: judgement.verdict,
        reason: judgement.reason,
        pid: presence.pid,
        rssMb: presence.rssMb,
        lastCheckAt,
        responseTimeMs,
        consecutiveFailures,
        inFlight: presence.inFlight,
      },
    };
  }

  private meet(presence: Presence, now: number, blind: boolean): KnownInstance {
    const before = this.inherited.get(presence.instance);
    // At the first look a presence may be a leftover of the dead. One that appears later has just been written.
    const mayBeOld = this.updatedAt === undefined && (!blind || before?.verdict === 'silent');
    return {
      presence,
      seenAt: mayBeOld ? Math.min(now, presence.at) : now,
      lifecycleSince: now,
      consecutiveFailures: before?.consecutiveFailures ?? 0,
      lastCheckAt: before?.lastCheckAt ?? 0,
      responseTimeMs: before?.responseTimeMs ?? 0,
      goodCheckAt: 0,
      inherited: before !== undefined,
      finding: before && inheritedFinding(before),
    };
  }

  private refresh(known: KnownInstance, presence: Presence, now: number, lookedAt: number): void {
    const { presenceTtlMs } = this.rules;
    // Only the time in which we looked counts as silence.
    const unheard = now - lookedAt > presenceTtlMs / 2 && lookedAt - known.seenAt <= presenceTtlMs;
    if (presence.at > known.presence.at || unheard) known.seenAt = now;
    if (known.ended && presence.at > known.ended.at) delete known.ended;
    const { lifecycle } = known.presence;
    known.presence = presence;
    if (lifecycle === presence.lifecycle) return;
    known.lifecycleSince = now;
    // Between ready and degraded it goes by its checks; any other way it is another start, and earlier checks say nothing of it.
    if (isServing(lifecycle) && isServing(presence.lifecycle)) return;
    delete known.finding;
    known.consecutiveFailures = 0;
  }

  private note(known: KnownInstance, finding: CheckFinding, now: number): void {
    known.finding = finding;
    known.lastCheckAt = now;
    if (finding.result === 'failed') known.consecutiveFailures += 1;
    else known.consecutiveFailures = 0;
    if (finding.result === 'ok' || finding.result === 'degraded') known.goodCheckAt = now;
  }
}

const byId = (a: KnownInstance, b: KnownInstance) => (a.presence.instance < b.presence.instance ? -1 : 1);

const isServing = (lifecycle: Presence['lifecycle']) => lifecycle === 'ready' || lifecycle === 'degraded';

const inheritedFinding = ({ verdict, reason = verdict, consecutiveFailures }: InstanceHealth): CheckFinding | undefined => {
  if (consecutiveFailures > 0) return { result: 'failed', reason: reason.replace(/^.*?(in a row|that mark it) failed: /, '') };
  if (verdict === 'degraded') return { result: 'degraded', reason };
  return verdict === 'healthy' ? { result: 'ok', reason } : undefined;
};
