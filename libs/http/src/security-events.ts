import type { ProblemCode } from '@conductor/contracts';
import type { Logger, Metrics } from '@conductor/observability';
import { networkOf } from '@conductor/platform-shell';
import type { Counter } from 'prom-client';

/** Refusals that tell of somebody who tries what is not his. */
const WATCHED: ReadonlySet<ProblemCode> = new Set<ProblemCode>(['unauthenticated', 'forbidden', 'locked-out', 'misdirected-request']);
const WINDOW_MS = 60_000;
/** Further addresses of one window are told together: whoever has many must not fill the log. */
const MAX_NAMED = 100;

export interface SecurityEvent {
  /** E.g. `session.open`, `device.create`. */
  action: string;
  /** Whom or what it is about. */
  subject: string;
  /** The key it was done with. */
  key?: { id: string; name: string; role: string };
  address?: string;
  trace?: string;
}

/**
 * What concerns the security of the system, as log lines of a class of their own (`event: "security"`): log-ins, keys and devices one by one;
 * refusals once at once and then in numbers, a line a minute for each code and address.
 */
export class SecurityEvents {
  private readonly refusals = new Map<string, { code: string; address: string; keyId?: string; times: number }>();
  private readonly counter: Counter<'code'>;
  private readonly listeners: Array<(event: SecurityEvent) => void> = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly logger: Logger,
    metrics: Metrics,
  ) {
    this.counter = metrics.counter('http_security_refusals_total', 'Requests refused for who sent them, by the code of the problem', ['code']);
  }

  /** Whoever keeps them elsewhere, too. */
  onEvent(listener: (event: SecurityEvent) => void): void {
    this.listeners.push(listener);
  }

  tell(event: SecurityEvent): void {
    const { action, subject, key, address, trace } = event;
    this.logger.info({ event: 'security', action, subject, ...(key && { keyId: key.id, actor: key.name }), address, trace }, `security: ${action} ${subject}`);
    for (const listener of this.listeners) listener(event);
  }

  /** @param keyId of the key that may not do it, where one was shown that is known */
  refused(code: ProblemCode, address: string, keyId?: string): void {
    if (!WATCHED.has(code)) return;
    this.counter.inc({ code });
    const named = this.refusals.size < MAX_NAMED;
    const from = networkOf(address);
    const name = `${code} ${from} ${keyId ?? ''}`;
    const known = this.refusals.get(name) ?? (named ? undefined : this.refusals.get(code));
    if (known) return void known.times++;
    this.refusals.set(named ? name : code, { code, address: named ? from : 'further addresses', ...(named && keyId !== undefined && { keyId }), times: 0 });
    this.logger.warn({ event: 'security', action: 'access.refuse', code, address: from, keyId }, `security: a request from ${from} was refused (${code}); more of this minute are told in one line`);
    this.timer ??= setTimeout(() => this.sum(), WINDOW_MS).unref();
  }

  /** Tells what came since, for the drain as well. */
  sum(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    for (const { times, ...refusal } of this.refusals.values()) {
      if (times > 0) this.logger.warn({ event: 'security', action: 'access.refuse', ...refusal, times }, `security: ${times} more from ${refusal.address} were refused (${refusal.code})`);
    }
    this.refusals.clear();
  }
}
