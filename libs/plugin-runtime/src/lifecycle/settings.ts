/** How plugins come, change and go. Times in milliseconds. */
export interface LifecycleSettings {
  /** What an old generation may still have in hand is waited for so long. */
  readonly drainMs: number;
  /** Good health checks before a new version gets messages, and the pause between them. */
  readonly checks: number;
  readonly checkPauseMs: number;
  readonly checkTimeoutMs: number;
  /** How long a new version is watched after it took over. */
  readonly watchMs: number;
  /** Fewer failed messages than this bring nothing back. */
  readonly watchErrors: number;
  /** So many percent points above the old version's share of failures are still no reason. */
  readonly watchMarginPercent: number;
  /** How often wishes, dependencies and new versions are looked at. */
  readonly lookMs: number;
}

export const lifecycleSettings = (given: Partial<LifecycleSettings> = {}): LifecycleSettings => ({
  drainMs: 10_000,
  checks: 3,
  checkPauseMs: 100,
  checkTimeoutMs: 1_000,
  watchMs: 60_000,
  watchErrors: 3,
  watchMarginPercent: 5,
  lookMs: 1_000,
  ...given,
});
