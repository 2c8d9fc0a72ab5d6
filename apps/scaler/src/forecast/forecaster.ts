import { Changes } from './changes';
import { Contest } from './contest';
import { aboutOf, type Evidence } from './evidence';
import { FadingSums } from './fading-sums';
import type { Champion, Forecast, ModelDecision, ShadowForecast } from './forecast';
import { Figures } from './figures';
import { type Learned, NOTHING_LEARNED, type SeriesLearned } from './learned';
import { lookAt, type LookInPlace } from './look';
import { PageHinkley } from './page-hinkley';
import { DEFAULT_RULES, type ForecastRules } from './rules';
import { SampleWindow } from './sample-window';
import type { Series } from './series';

const MOST_DECISIONS = 1_000;
/** No platform has so many megabytes, requests or seconds. */
const MOST = 1e12;
/** The long-run mean of a series forgets half in a week. */
const LEVEL_HALF_LIFE_MS = 7 * 86_400_000;

export type TrainingReason = 'never-trained' | 'rhythm' | 'drift';

interface Followed {
  readonly window: SampleWindow;
  readonly contests: ReadonlyMap<number, Contest>;
  /** Sum and weight of the long-run mean. */
  readonly level: FadingSums;
  readonly drift: PageHinkley;
  readonly changes: Changes;
  learned: SeriesLearned | undefined;
  /** Absent until the first observation. */
  look: LookInPlace | undefined;
}

/**
 * All forecasts of one scaler. Synchronous, no timers, no clock of its own: everything follows from the time stamps given.
 * Light enough to be called in every tick for hundreds of series.
 */
export class Forecaster {
  private readonly followed = new Map<Series, Followed>();
  private decisions: ModelDecision[] = [];
  private learned: Learned = NOTHING_LEARNED;
  private trainedAt: number | undefined;
  private drifted = new Set<Series>();
  /** Of series that have not been seen yet. */
  private readonly recalled = new Map<Series, Figures>();

  constructor(readonly rules: ForecastRules = DEFAULT_RULES) {}

  /**
   * Takes in one observation: every forecast that spoke of this moment is held against it, and the next ones are made in shadow.
   * What is below 0, absurdly large or no number is a gap: a sensor that failed, a counter that began anew. A time before the latest
   * one means that the clock was set back: what came after it is dropped, what was learned about the models stays.
   */
  observe(series: Series, at: number, value: number): void {
    if (!(value >= 0 && value <= MOST) || !Number.isFinite(at)) return;
    const followed = this.followed.get(series) ?? this.follow(series);
    const { window, contests, level, changes } = followed;
    if (at < window.latestAt) for (const contest of contests.values()) contest.clockWasSetBackTo(at);
    window.add(at, value);
    changes.add(at, value);
    level.fadeTo(at);
    level.add(0, value);
    level.add(1, 1);
    followed.look = lookAt(window.at, window.value, window.since(at - this.rules.windowMs), window.to, this.rules.windowMs, followed.look);
    for (const [horizonMs, contest] of contests) {
      const errors = contest.settle(at, value);
      if (horizonMs === this.rules.horizonsMs[0]) this.watchDrift(series, followed, errors);
      contest.shadow(followed.look, meanOf(level), followed.learned);
    }
  }

  /**
   * The champion's forecast as of the latest observation.
   * @param now when given, a series that has been silent for too long by then has none
   * @returns undefined also for a series or a look-ahead that is not known
   */
  forecast(series: Series, horizonMs: number, now?: number): Forecast | undefined {
    const followed = this.followed.get(series);
    const contest = followed?.contests.get(horizonMs);
    if (!followed?.look || !contest) return undefined;
    if (now !== undefined && now - followed.window.latestAt > this.rules.silentMs) return undefined;
    return contest.forecast(followed.look, meanOf(followed.level), followed.learned);
  }

  /** What every model says by itself as of the latest observation; empty for what is not known. */
  shadows(series: Series, horizonMs: number): ShadowForecast[] {
    const followed = this.followed.get(series);
    if (!followed?.look) return [];
    return followed.contests.get(horizonMs)?.shadows(followed.look, meanOf(followed.level), followed.learned) ?? [];
  }

  /** Puts parameters in force that a training run has learned. A series that the run did not see keeps its own. */
  learn(learned: Learned): void {
    this.learned = { trainedAt: learned.trainedAt, series: { ...this.learned.series, ...learned.series } };
    for (const [series, followed] of this.followed) {
      if (!learned.series[series]) continue;
      followed.learned = learned.series[series];
      followed.drift.reset();
    }
  }

  /** Why a training run is due, if one is. */
  trainingDue(now: number): TrainingReason | undefined {
    if (this.followed.size === 0) return undefined;
    if (this.trainedAt === undefined) return 'never-trained';
    const { retrainMs, retrainOnDriftMs } = this.rules;
    const since = Math.abs(now - this.trainedAt);
    if (since >= retrainMs) return 'rhythm';
    return this.drifted.size > 0 && since >= retrainOnDriftMs ? 'drift' : undefined;
  }

  /** To be said when a run starts, however it ends: one that fails is tried again after the same time. */
  trainingBegan(now: number): void {
    this.trainedAt = now;
    this.drifted.clear();
  }

  /** Every series that is followed. */
  series(): Series[] {
    return [...this.followed.keys()];
  }

  /** What is kept of a series, oldest sample first, as parallel arrays. */
  history(series: Series): { at: number[]; value: number[] } {
    const window = this.followed.get(series)?.window;
    if (!window) return { at: [], value: [] };
    return { at: Array.from(window.at.subarray(window.from, window.to)), value: Array.from(window.value.subarray(window.from, window.to)) };
  }

  champions(): Champion[] {
    return [...this.followed.values()].flatMap(({ contests }) => [...contests.values()].map(({ champion }) => champion));
  }

  /** All that is known of how models have done, for whoever goes on from here. @param now epoch milliseconds */
  evidence(now: number): Evidence {
    return { at: now, about: aboutOf(this.rules), series: new Map([...this.followed].map(([name, followed]) => [name, saved(followed, now)])) };
  }

  /**
   * Goes on from what another has gathered; a series that is not seen yet, as soon as it is. What was learned by training is no evidence.
   * @throws Error when it is about other models, look-aheads or windows, or damaged; then all stays as it is
   */
  recall(evidence: Evidence): void {
    if (evidence.about !== aboutOf(this.rules)) throw new Error('it is about other models, look-aheads or windows');
    const figuresOf = (numbers: Float32Array) => new Figures(evidence.at, [...numbers]);
    // First into the void: one that is damaged must not be taken by half.
    for (const [name, numbers] of evidence.series) load(this.newcomer(name), figuresOf(numbers));
    for (const [name, numbers] of evidence.series) {
      const followed = this.followed.get(name);
      if (followed) load(followed, figuresOf(numbers));
      else this.recalled.set(name, figuresOf(numbers));
    }
  }

  /** Decisions about models since the last call, oldest first; the latest 1,000 when nobody asks for long. */
  takeDecisions(): ModelDecision[] {
    const taken = this.decisions;
    this.decisions = [];
    return taken;
  }

  /** For a platform that is gone. */
  forget(series: Series): void {
    this.followed.delete(series);
    this.drifted.delete(series);
    this.recalled.delete(series);
    delete this.learned.series[series];
  }

  /** The shortest look-ahead tells first. */
  private watchDrift(series: Series, { drift, level }: Followed, errors: readonly number[]) {
    const mean = meanOf(level);
    for (const error of errors) if (mean > 0 && drift.add(error / mean)) this.drifted.add(series);
  }

  private follow(series: Series): Followed {
    const followed = this.newcomer(series);
    const recalled = this.recalled.get(series);
    if (recalled) load(followed, recalled);
    this.recalled.delete(series);
    this.followed.set(series, followed);
    return followed;
  }

  private newcomer(series: Series): Followed {
    const { horizonsMs, historyMs, headRoomMemoryMs } = this.rules;
    const changes = new Changes(headRoomMemoryMs);
    const decided = (decision: ModelDecision) => {
      this.decisions.push(decision);
      if (this.decisions.length > MOST_DECISIONS) this.decisions.shift();
    };
    return {
      window: new SampleWindow(historyMs),
      contests: new Map(horizonsMs.map((horizonMs) => [horizonMs, new Contest(series, horizonMs, this.rules, changes, decided)])),
      level: new FadingSums(LEVEL_HALF_LIFE_MS, 2),
      drift: new PageHinkley(),
      changes,
      learned: this.learned.series[series],
      look: undefined,
    };
  }
}

const meanOf = (level: FadingSums): number => (level.get(1) > 0 ? level.get(0) / level.get(1) : 0);

const partsOf = ({ level, changes, contests }: Followed) => [level, changes, ...contests.values()];

const saved = (followed: Followed, now: number): Float32Array => {
  const figures = new Figures(now);
  for (const part of partsOf(followed)) part.save(figures);
  return figures.toFloat32();
};

/** @throws RangeError when it is damaged */
const load = (followed: Followed, figures: Figures): void => {
  for (const part of partsOf(followed)) part.load(figures);
  figures.end();
};
