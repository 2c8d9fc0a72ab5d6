import { randomUUID } from 'node:crypto';
import { asRedisUnavailable, type RedisConnections } from '@conductor/connections';
import { type HealthCheck, HealthReport } from '@conductor/contracts';
import type { Logger } from '@conductor/observability';
import type { Answer } from './roster';

interface Round {
  check: string;
  sentAt: number;
  missing: Set<string>;
  onAnswers: (answers: Answer[]) => void;
  end: () => void;
}

/**
 * Asks every instance at once how it is: one message goes out, the answers come to an inbox of this monitor, many in one
 * message. The time an answer takes is measured here, from the sending to the arrival.
 */
export class CheckRounds {
  private readonly inbox: string;
  private readonly channel: string;
  private round?: Round | undefined;

  constructor(
    private readonly connections: RedisConnections,
    instance: string,
    private readonly logger: Logger,
  ) {
    this.inbox = `${connections.namespace}:health:${instance}`;
    this.channel = `${connections.namespace}:checks`;
  }

  async open(): Promise<void> {
    this.connections.subscriber.on('message', this.receive);
    await this.connections.subscriber.subscribe(this.inbox);
  }

  async close(): Promise<void> {
    this.round?.end();
    this.connections.subscriber.off('message', this.receive);
    if (this.connections.subscriber.status === 'ready') await this.connections.subscriber.unsubscribe(this.inbox);
  }

  /**
   * One round of checks. `onAnswers` is called as answers arrive. Ends when all of `expected` have answered, or with the
   * time-out. @returns the instances that did not answer
   * @throws RedisUnavailable when nobody could be asked
   */
  async ask(expected: Iterable<string>, timeoutMs: number, onAnswers: Round['onAnswers']): Promise<string[]> {
    const check: HealthCheck = { check: randomUUID(), inbox: this.inbox, at: Date.now(), timeoutMs };
    const missing = new Set(expected);
    let timer: NodeJS.Timeout | undefined;
    const ended = new Promise<void>((resolve) => {
      this.round = { check: check.check, sentAt: performance.now(), missing, onAnswers, end: resolve };
      timer = setTimeout(resolve, timeoutMs);
    });
    try {
      await this.connections.commands.publish(this.channel, JSON.stringify(check));
      if (missing.size > 0) await ended;
    } catch (error) {
      throw asRedisUnavailable(error);
    } finally {
      clearTimeout(timer);
      this.round = undefined;
    }
    return [...missing];
  }

  private readonly receive = (channel: string, text: string) => {
    if (channel !== this.inbox) return;
    const { round } = this;
    if (!round) return;
    const responseTimeMs = Math.round((performance.now() - round.sentAt) * 10) / 10;
    const answers = this.reportsIn(text)
      .filter(({ check }) => check === round.check)
      .map((report) => ({ report, responseTimeMs }));
    for (const { report } of answers) round.missing.delete(report.instance);
    if (answers.length > 0) round.onAnswers(answers);
    if (round.missing.size === 0) round.end();
  };

  /** A report that cannot be read spoils no other. */
  private reportsIn(text: string): HealthReport[] {
    const reports: HealthReport[] = [];
    for (const item of asArray(text)) {
      const report = HealthReport.safeParse(item);
      if (report.success) reports.push(report.data);
      else this.logger.warn({ reason: report.error.message }, 'a health report of unknown shape is ignored');
    }
    return reports;
  }
}

const asArray = (text: string): unknown[] => {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : [value];
  } catch {
    return [];
  }
};
