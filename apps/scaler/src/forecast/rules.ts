/** By what the forecasts work. Times in milliseconds. */
export interface ForecastRules {
  /** Look-aheads, shortest first. */
  readonly horizonsMs: readonly number[];
  /** How far back models look. */
  readonly windowMs: number;
  /** How much is kept for training; at least the window. */
  readonly historyMs: number;
  /** About so often an observation comes. Says which observation answers a forecast; every computation goes by the time stamps. */
  readonly periodMs: number;
  /** After so long, old evidence about a model counts half. */
  readonly memoryMs: number;
  /** Likewise for what head-room is chosen by: breaches are rare, so it takes longer to count them. */
  readonly headRoomMemoryMs: number;
  /** A new champion must be better by this share of the old one's error. */
  readonly margin: number;
  /** A champion stays at least so long. */
  readonly dwellMs: number;
  /** Who loses to `last-value` for so long is benched. */
  readonly benchAfterMs: number;
  /** Retraining: as a rhythm, and at least so long apart when drift asks for it. */
  readonly retrainMs: number;
  readonly retrainOnDriftMs: number;
  /** Whose clocks people's days go by, an IANA name; absent: UTC. */
  readonly timeZone?: string;
  /** A series that was silent for longer has no forecast. */
  readonly silentMs: number;
}

const MINUTE = 60_000;

export const DEFAULT_RULES: ForecastRules = {
  horizonsMs: [MINUTE, 5 * MINUTE, 15 * MINUTE],
  windowMs: 30 * MINUTE,
  historyMs: 90 * MINUTE,
  periodMs: 5_000,
  memoryMs: 60 * MINUTE,
  headRoomMemoryMs: 7 * 24 * 60 * MINUTE,
  margin: 0.03,
  dwellMs: 10 * MINUTE,
  benchAfterMs: 60 * MINUTE,
  retrainMs: 10 * MINUTE,
  retrainOnDriftMs: 2 * MINUTE,
  silentMs: MINUTE,
};
