import type { HistoryFeed } from '@conductor/control';
import { judgeInstance } from './judgement/instance-verdict';
import type { Rules } from './judgement/rules';
import type { Checked } from './roster';

/** Writes each check of each instance into the history. */
export class CheckRecorder {
  constructor(
    private readonly history: HistoryFeed,
    private readonly rules: Rules,
  ) {}

  record(timestamp: number, checks: readonly Checked[], now: number): void {
    for (const { known, responseTimeMs, requests, errors, rssMb } of checks) {
      this.history.add('metric', {
        timestamp,
        platformName: known.presence.platform,
        instanceId: known.presence.instance,
        state: judgeInstance(known, now, this.rules).verdict,
        responseTimeMs: responseTimeMs === null ? null : Math.round(responseTimeMs),
        errorCount: errors,
        requestCount: requests,
        resourceUsageMb: rssMb,
      });
    }
  }
}
