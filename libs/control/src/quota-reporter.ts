import type { QuotaRefusal } from '@conductor/contracts';
import type { Logger, Metrics } from '@conductor/observability';
import type { Notices } from './notices';

/** An account of which messages are refused is told of this often. */
const TELL_EVERY_MS = 10_000;
const REMEMBERED_ACCOUNTS = 1_000;

/** Counts what quotas refuse, and tells of it now and then: by log, and as a control event. */
export const quotaReporter = ({ notices, metrics, logger }: { notices: Notices; metrics: Metrics; logger: Logger }): ((refusal: QuotaRefusal) => void) => {
  const refused = metrics.counter('quota_refusals_total', 'Messages refused, since too many of their sender or for their platform wait', ['kind']);
  const told = new Map<string, number>();
  return (refusal) => {
    const { kind, id } = refusal.account;
    refused.inc({ kind });
    const now = Date.now();
    const account = `${kind}:${id}`;
    if (now - (told.get(account) ?? 0) < TELL_EVERY_MS) return;
    told.delete(account);
    told.set(account, now);
    if (told.size > REMEMBERED_ACCOUNTS) told.delete(told.keys().next().value!);
    logger.warn({ account, items: refusal.items, bytes: refusal.bytes }, 'messages are refused: a quota is full');
    notices.publish({ type: 'quota', refusal }).catch(() => {});
  };
};
