import type { RedisConnections } from '@conductor/connections';
import type { PlatformState } from '@conductor/contracts';
import type { Notices, PlatformDirectory, Presences } from '@conductor/control';
import type { Logger } from '@conductor/observability';
import type { CheckRecorder } from './check-recorder';
import type { CheckRounds } from './check-rounds';
import type { CurrentHealth } from './current-health';
import type { Leadership } from './leadership';
import { OneAtATime } from './one-at-a-time';
import type { RedisOutages } from './redis-outages';
import type { Answer, Checked, Roster } from './roster';
import { type Tick, Ticker } from './ticker';
import type { Timing } from './timing';
import type { Verdicts } from './verdicts';

export interface MonitorParts {
  connections: RedisConnections;
  notices: Notices;
  directory: PlatformDirectory;
  presences: Presences;
  leadership: Leadership;
  outages: RedisOutages;
  rounds: CheckRounds;
  roster: Roster;
  verdicts: Verdicts;
  current: CurrentHealth;
  recorder: CheckRecorder;
  timing: Timing;
  presenceTtlMs: number;
  logger: Logger;
  /** Told of each tick that was done. */
  onTick: (tick: TickFigures) => void;
}

/** `eventLoopMs`: how long this process was busy during the tick, the rest of `durationMs` it waited for answers. */
export interface TickFigures extends Tick {
  eventLoopMs: number;
  durationMs: number;
  answered: number;
  unanswered: number;
}

/**
 * Watches over all platforms. Every period it asks every instance how it is; in between it looks for instances that fell
 * silent and hears what is announced. Any number of monitors may run: the one that holds the lease acts, the others stand by.
 */
export class HealthMonitor {
  private readonly ticker: Ticker;
  private readonly watch: Ticker;
  private readonly looking = new OneAtATime(() => this.look());
  private readonly reviewing = new OneAtATime(() => this.review());
  private readonly offs: Array<() => void> = [];
  private acting = false;
  private closing = false;
  private seenOutages = 0;
  /** Epoch milliseconds; also the moment from which it acts. */
  lastTickAt = Date.now();
  /** When it last knew whether it is its turn to act. */
  lastWatchAt = Date.now();

  constructor(private readonly parts: MonitorParts) {
    this.ticker = new Ticker(parts.timing.intervalMs, (tick) => this.safely(() => this.tick(tick)));
    this.watch = new Ticker(parts.timing.watchMs, () => this.safely(() => this.watchOnce()));
  }

  /** Whether this one acts, or another does. */
  get isActing(): boolean {
    return this.acting && !this.closing && this.parts.leadership.held;
  }

  async open(): Promise<void> {
    const { notices, directory, rounds, roster } = this.parts;
    await rounds.open();
    this.offs.push(
      notices.on('instance', () => this.whenActing(() => this.reviewing.run())),
      notices.on('process', ({ process }) => {
        const platforms = roster.processChanged(process);
        this.whenActing(() => this.judgeNow(platforms));
      }),
    );
    directory.desired.onChange((platform) => this.whenActing(() => this.judgeNow([platform])));
    this.ticker.start();
    this.watch.start();
  }

  /** The round in hand counts for nothing; another monitor may take over at once. */
  async close(): Promise<void> {
    this.closing = true;
    this.offs.forEach((off) => off());
    const ended = [this.ticker.stop(), this.watch.stop()];
    await this.parts.rounds.close();
    await Promise.all(ended);
    if (this.acting) await this.parts.leadership.resign();
  }

  /** One round of checks: asked, judged, written down. */
  private async tick(tick: Tick): Promise<void> {
    if (!this.isActing) return;
    const { rounds, roster, timing, outages, current, verdicts, recorder, presenceTtlMs } = this.parts;
    const [startedAt, loop, outagesBefore] = [performance.now(), performance.eventLoopUtilization(), outages.count];

    await this.looking.run();
    const present = roster.all().map(({ presence }) => presence);
    const heard = roster.heard(Date.now());
    const answered = new Map<string, Checked>();
    const waiting = countBy(heard.map(({ platform }) => platform));
    // The silent are asked too, but they would only hold up the round.
    await rounds.ask(heard.map(({ instance }) => instance), timing.timeoutMs, (answers) => this.take(answers, answered, waiting));
    // Nobody is blamed for a silence that was Redis' or ours.
    if (outages.count !== outagesBefore || !this.isActing) return;

    const now = Date.now();
    // After Redis was away everyone comes back to it in his own time: until then a check may not have reached him.
    const asked = outages.endedWithin(presenceTtlMs) ? [] : present;
    const unanswered = asked.filter(({ instance }) => !answered.has(instance)).flatMap(({ instance }) => roster.checked(instance, undefined, now) ?? []);
    verdicts.judgeAll(now);
    recorder.record(tick.due, [...answered.values(), ...unanswered], now);
    await current.write(verdicts.all());
    this.lastTickAt = Date.now();
    this.parts.onTick({
      ...tick,
      eventLoopMs: performance.eventLoopUtilization(loop).active,
      durationMs: performance.now() - startedAt,
      answered: answered.size,
      unanswered: unanswered.length,
    });
  }

  /** A platform is judged as soon as all of its instances have answered, however long others take. */
  private take(answers: readonly Answer[], answered: Map<string, Checked>, waiting: Map<string, number>): void {
    const now = Date.now();
    for (const answer of answers) {
      const { instance, platform } = answer.report;
      const result = answered.has(instance) ? undefined : this.parts.roster.checked(instance, answer, now);
      if (!result) continue;
      answered.set(instance, result);
      const left = (waiting.get(platform) ?? 1) - 1;
      waiting.set(platform, left);
      if (left === 0) this.parts.verdicts.judge(platform, now);
    }
  }

  private async watchOnce(): Promise<void> {
    const { leadership, connections, logger } = this.parts;
    const held = await leadership.renew();
    if (connections.isReady) this.lastWatchAt = Date.now();
    if (held && !this.acting) await this.takeOver();
    if (!held && this.acting) logger.info('this monitor stands by: another one acts, or Redis is away');
    this.acting = held;
    if (this.isActing) await this.reviewing.run();
  }

  private async takeOver(): Promise<void> {
    const { roster, verdicts, current, logger } = this.parts;
    await verdicts.takeOver();
    roster.takeOver(await current.all());
    this.lastTickAt = Date.now();
    logger.info('this monitor acts from now on');
  }

  /** Looks who is there and judges everyone. */
  private async review(): Promise<void> {
    await this.looking.run();
    const { verdicts, outages, current, roster, presences, timing } = this.parts;
    if (!this.isActing) return;
    if (this.seenOutages !== outages.count) verdicts.publishAllAnew();
    this.seenOutages = outages.count;
    const now = Date.now();
    const before = versionsOf(verdicts.all());
    verdicts.judgeAll(now);
    await current.write(verdicts.all().filter(({ name, version }) => before.get(name) !== version));
    await Promise.all(roster.gone(now, timing.forgetAfterMs).map((id) => presences.remove(id)));
  }

  private async judgeNow(platforms: readonly string[]): Promise<void> {
    const now = Date.now();
    await this.parts.current.write(platforms.map((platform) => this.parts.verdicts.judge(platform, now)));
  }

  private async look(): Promise<void> {
    const { presences, roster, outages, presenceTtlMs } = this.parts;
    roster.update(await presences.all(), Date.now(), outages.endedWithin(presenceTtlMs));
  }

  private whenActing(work: () => Promise<void>): void {
    if (this.isActing) void this.safely(work);
  }

  /** While Redis is away nothing can be done but to come again. */
  private async safely(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const log = this.parts.connections.isReady ? 'error' : 'debug';
      this.parts.logger[log]({ err: error }, 'a part of the watch failed; it is done again in a moment');
    }
  }
}

const countBy = (names: readonly string[]): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
};

const versionsOf = (states: readonly PlatformState[]) => new Map(states.map(({ name, version }) => [name, version]));
