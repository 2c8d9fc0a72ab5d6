import type { PlatformState } from '@conductor/contracts';
import type { HistoryFeed, PlatformDirectory } from '@conductor/control';
import type { Logger } from '@conductor/observability';
import { nextState } from './judgement/next-state';
import { judgePlatform } from './judgement/platform-verdict';
import type { Rules } from './judgement/rules';
import type { JudgedHealth, Roster } from './roster';

/** Judges platforms and lets every router know at once what has changed. */
export class Verdicts {
  /** As judged last, with all figures. */
  private readonly states = new Map<string, PlatformState>();
  /** Did not reach Redis, or may be lost there. */
  private readonly unpublished = new Set<string>();

  constructor(
    private readonly directory: PlatformDirectory,
    private readonly roster: Roster,
    private readonly history: HistoryFeed,
    private readonly rules: Rules,
    private readonly logger: Logger,
  ) {}

  /** Goes on from what is published, so that versions go on growing; and sees to it that Redis has the newest. */
  async takeOver(): Promise<void> {
    await this.directory.verdicts.reRead();
    for (const { name } of this.directory.verdicts.all()) this.unpublished.add(name);
    this.publishAllAnew();
  }

  all(): PlatformState[] {
    return [...this.states.values()];
  }

  /** Redis may have forgotten its latest writes. */
  publishAllAnew(): void {
    for (const name of this.states.keys()) this.unpublished.add(name);
  }

  judgeAll(now: number): void {
    const judged = this.roster.judgedAll(now);
    for (const name of new Set([...this.directory.names(), ...judged.keys()])) this.decide(name, judged.get(name) ?? [], now);
  }

  /** @returns the state, also when nothing has changed */
  judge(name: string, now: number): PlatformState {
    return this.decide(name, this.roster.judged(name, now), now);
  }

  private decide(name: string, instances: readonly JudgedHealth[], now: number): PlatformState {
    const before = this.latest(name);
    const desired = this.directory.desired.get(name);
    const judgement = judgePlatform({ name, desired, instances: instances.map(({ judged }) => judged), before, now }, this.rules);
    const { next, changed } = nextState(name, judgement, instances.map(({ health }) => health), before, now);
    this.states.set(name, next);
    if (changed || this.unpublished.has(name)) this.publish(next);
    if (before?.state !== next.state) this.record(before, next);
    return next;
  }

  /** What is published may be newer, when two monitors held themselves for the acting one; ours, when Redis lost it. */
  private latest(name: string): PlatformState | undefined {
    const [ours, published] = [this.states.get(name), this.directory.verdicts.get(name)];
    return ours && (!published || ours.version >= published.version) ? ours : published;
  }

  private publish(state: PlatformState): void {
    this.unpublished.delete(state.name);
    this.directory.judge(state).catch((error: unknown) => {
      this.unpublished.add(state.name);
      this.logger.warn({ err: error, platform: state.name }, 'a verdict could not be published; it is published again with the next judgement');
    });
  }

  private record(before: PlatformState | undefined, { name, state, reason, at }: PlatformState): void {
    const from = before?.state ?? 'unknown';
    this.history.add('platform-transition', { at, platform: name, from, to: state, reason });
    const level = state === 'failed' || state === 'needs-attention' ? 'warn' : 'info';
    this.logger[level]({ platform: name, from, to: state, reason }, `${name} is ${state}: ${reason}`);
  }
}
