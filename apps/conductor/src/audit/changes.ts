import type { Caller } from '@conductor/http';
import type { Logger } from '@conductor/observability';
import type { AuditLog } from '@conductor/persistence';

export interface Change {
  caller: Caller | { name: string; role: 'system' };
  action: string;
  subject: string;
  before?: unknown;
  after?: unknown;
  trace?: string;
}

/**
 * Every change ends up in the audit log. While the database is away changes go on, since steering matters most in trouble; they
 * are kept here, in order, until it is back, and stand in the process log meanwhile.
 */
export class Changes {
  private readonly unwritten: Array<Parameters<AuditLog['record']>[0]> = [];
  private readonly timer: NodeJS.Timeout;
  private failed = false;

  constructor(
    private readonly log: AuditLog,
    private readonly logger: Logger,
  ) {
    this.timer = setInterval(() => void this.catchUp(), 2_000).unref();
  }

  async record({ caller, action, subject, before, after, trace }: Change): Promise<void> {
    const keyId = 'id' in caller ? caller.id : undefined;
    this.logger.info({ ...(/^(key|device)\./.test(action) && { event: 'security' }), actor: caller.name, keyId, action, subject, trace }, `${caller.name}: ${action} ${subject}`);
    this.unwritten.push({ at: Date.now(), actor: caller.name, role: caller.role, keyId, action, subject, before, after, trace });
    await this.catchUp();
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.catchUp();
    if (this.unwritten.length > 0) this.logger.error({ lost: this.unwritten }, 'the database stayed away; these changes are in this log only');
  }

  private writing?: Promise<void> | undefined;

  private catchUp(): Promise<void> {
    this.writing ??= this.write().finally(() => (this.writing = undefined));
    return this.writing;
  }

  private async write(): Promise<void> {
    try {
      while (this.unwritten[0]) {
        await this.log.record(this.unwritten[0]);
        this.unwritten.shift();
      }
      if (this.failed) this.logger.info('the audit log is written again');
      this.failed = false;
    } catch (error) {
      // Told once: it is tried again every two seconds, and an outage may last for days.
      if (!this.failed) this.logger.warn({ err: error, waiting: this.unwritten.length }, 'the audit log cannot be written; trying again until it can');
      this.failed = true;
    }
  }
}
