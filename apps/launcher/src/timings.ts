/** Every span of time the launcher waits, so that tests can shrink them. */
export interface Timings {
  /** Pause before the first restart; doubles with each further death. */
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
  /** A run that was ready this long wipes the slate clean. */
  readonly goodRunMs: number;
  readonly quarantineDeaths: number;
  readonly quarantineWindowMs: number;
  /** How often an app is asked whether it is ready. */
  readonly readyPollMs: number;
  /** After this time the table is shown, even if an app is not ready. */
  readonly startPatienceMs: number;
  /** Time an app has to drain before it is killed. */
  readonly stopGraceMs: number;
  /** A process that answers nothing for so long is killed; while it starts, ten times as long. 0: never. */
  readonly silenceMs: number;
  /** How often is looked whether more or fewer processes are wanted, should a notice be lost. */
  readonly wishesEveryMs: number;
}

export const TIMINGS: Timings = {
  backoffMs: 500,
  maxBackoffMs: 30_000,
  goodRunMs: 60_000,
  quarantineDeaths: 5,
  quarantineWindowMs: 60_000,
  readyPollMs: 50,
  startPatienceMs: 60_000,
  stopGraceMs: 10_000,
  silenceMs: 30_000,
  wishesEveryMs: 3_000,
};
