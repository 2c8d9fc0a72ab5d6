import type { PluginHealth } from '@conductor/contracts';
import type { DeliveryFailure } from '@conductor/platform-kit';
import type { Logger } from '@conductor/observability';
import type { ChatEndpoint, Look } from './chat-endpoint';

const EVERY_MS = 5_000;
/** While it is away, so that it is used soon after it starts. */
const EVERY_WHILE_AWAY_MS = 1_000;
const LOOK_MS = 1_500;
/** What only a person can mend may be mended at the endpoint, so it is tried again after this time. */
const COMPLAINT_MS = 60_000;

const FIRST_LOOK: Look = { result: 'away', reason: 'it was not looked at yet', silent: false };

/**
 * Looks at the endpoint all the time, so that one that starts later is used without a restart.
 *
 * While it is away, the platform is `degraded` and not `failed`: the platform itself works, it takes messages and lets them wait.
 * `failed` would keep the platform from starting before its endpoint, and would have it restarted again and again, which mends
 * nothing. Senders who cannot wait still get a fallback: see `ChatPlatform`.
 */
export class EndpointWatch {
  private last: Look = FIRST_LOOK;
  private since = Date.now();
  private complaint?: { code: string; reason: string; until: number } | undefined;
  /** It has completed a chat: whatever it answers at /models, it is what we need. */
  private proven = false;
  private timer?: NodeJS.Timeout;
  private readonly leaving = new AbortController();

  /** @param busy whether the endpoint is working for us: a busy one may be silent for a while */
  constructor(
    private readonly endpoint: ChatEndpoint,
    private readonly model: string,
    private readonly busy: () => boolean,
    private readonly logger: Logger,
  ) {}

  /** Looks for the first time, and from then on again and again. */
  async start(): Promise<void> {
    await this.look();
  }

  stop() {
    this.leaving.abort();
    clearTimeout(this.timer);
  }

  /** Why it cannot be used now; undefined when it can. */
  get away(): { reason: string; forMs: number } | undefined {
    return this.last.result === 'away' ? { reason: this.last.reason, forMs: Date.now() - this.since } : undefined;
  }

  get health(): PluginHealth {
    const details = { endpoint: this.endpoint.url, model: this.model };
    if (this.complaint && this.complaint.until > Date.now()) return { status: 'needs-attention', reason: this.complaint.reason, details };
    switch (this.last.result) {
      case 'refused':
        return { status: 'needs-attention', reason: `${this.endpoint.url} refuses our key (${this.last.status}): set BRAIN_API_KEY to a valid one`, details };
      case 'away':
        return { status: 'degraded', reason: `messages wait for the language model: ${this.last.reason}`, details };
      case 'there':
        if (this.last.models === undefined && !this.proven) return { status: 'degraded', reason: `${this.endpoint.url} answers, but offers no list of models: is BRAIN_URL right? It usually ends in /v1`, details };
        return { status: 'ok', details: { ...details, ...(this.last.models && { models: this.last.models.slice(0, 20) }) } };
    }
  }

  /** Traffic tells more than looking does. */
  worked() {
    this.proven = true;
    this.complaint = undefined;
    if (this.last.result !== 'there') this.see({ result: 'there', models: undefined });
  }

  failed({ outcome }: DeliveryFailure) {
    if (outcome.code === 'endpoint-unreachable') this.see({ result: 'away', reason: outcome.message, silent: false });
    if (outcome.code === 'bad-credentials' || outcome.code === 'model-not-found') {
      const offered = outcome.code === 'model-not-found' && this.last.result === 'there' && this.last.models?.length ? `. It offers: ${this.last.models.slice(0, 20).join(', ')}` : '';
      this.complaint = { code: outcome.code, reason: outcome.message + offered, until: Date.now() + COMPLAINT_MS };
    }
  }

  private async look(): Promise<void> {
    const look = await this.endpoint.look(LOOK_MS, this.leaving.signal);
    if (this.leaving.signal.aborted) return;
    const stillBusy = look.result === 'away' && look.silent && this.busy();
    if (!stillBusy) this.see(look);
    if (this.complaint?.code === 'model-not-found' && look.result === 'there' && look.models?.includes(this.model)) this.complaint = undefined;
    this.plan();
  }

  private see(look: Look) {
    const before = this.last;
    this.last = look;
    if (before.result === look.result) return;
    this.since = Date.now();
    if (before === FIRST_LOOK && look.result === 'away') return void this.logger.warn({ reason: look.reason }, 'the language model is not there yet; messages wait for it');
    if (look.result === 'there') this.logger.info({ endpoint: this.endpoint.url, models: look.models }, 'the language model is there');
    else this.logger.warn({ reason: this.health.reason }, look.result === 'away' ? 'the language model is gone; messages wait for it' : 'the language model refuses us');
    // Seen by traffic: the pace of looking changes at once.
    if (look.result === 'away') this.plan();
  }

  private plan() {
    clearTimeout(this.timer);
    if (this.leaving.signal.aborted) return;
    this.timer = setTimeout(() => void this.look(), this.last.result === 'there' ? EVERY_MS : EVERY_WHILE_AWAY_MS).unref();
  }
}
