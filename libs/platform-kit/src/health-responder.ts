import { Coalescer, jsonBytes } from '@conductor/bus';
import { HealthCheck, type HealthReport } from '@conductor/contracts';
import type { AppContext } from '@conductor/http';
import type { PlatformInstance } from './platform-instance';

/** Share of the check's time-out that a platform gets; the rest is for the way back. */
const PLATFORM_SHARE = 0.9;

/** Answers the health monitor's checks for every instance in this process, over a channel of its own beside the work. */
export class HealthResponder {
  private readonly channel: string;
  private readonly inboxes = new Map<string, Coalescer<HealthReport>>();

  constructor(
    private readonly context: AppContext,
    private readonly instances: PlatformInstance[],
  ) {
    this.channel = `${context.connections.namespace}:checks`;
  }

  async open(): Promise<void> {
    this.context.connections.subscriber.on('message', this.receive);
    await this.context.connections.subscriber.subscribe(this.channel);
  }

  close() {
    this.context.connections.subscriber.off('message', this.receive);
  }

  private readonly receive = (channel: string, text: string) => {
    if (channel !== this.channel) return;
    const check = HealthCheck.safeParse(parsed(text));
    if (!check.success) return this.context.logger.warn('a health check of unknown shape is ignored');
    const { inbox, timeoutMs } = check.data;
    for (const instance of this.instances) {
      void instance
        .check(check.data.check, timeoutMs * PLATFORM_SHARE)
        .then((report) => this.to(inbox).add(report))
        .catch((error: unknown) => this.context.logger.debug({ err: error }, 'a health report could not be sent'));
    }
  };

  private to(inbox: string): Coalescer<HealthReport> {
    let coalescer = this.inboxes.get(inbox);
    if (!coalescer) {
      coalescer = new Coalescer<HealthReport>((reports) => this.context.connections.commands.publish(inbox, JSON.stringify(reports)), () => 100, jsonBytes);
      this.inboxes.clear(); // one monitor acts at a time
      this.inboxes.set(inbox, coalescer);
    }
    return coalescer;
  }
}

/** The channel is open to every program on this Redis; nonsense there must not end the process. */
const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
