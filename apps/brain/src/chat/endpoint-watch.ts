import type { PluginHealth } from '@conductor/contracts';
import type { DeliveryFailure } from '@conductor/platform-kit';
import type { Logger } from '@conductor/observability';
import type { ChatEndpoint, Look } from './chat-endpoint';

const EVERY_MS = 5_000;
/** While it is away, so that it is used soon after it starts. */
const EVERY_WHILE_AWAY_MS = 1_000;
/** One that has answered messages needs no looking at, and some count each look. */
const EVERY_WHILE_PROVEN_MS = 60_000;
/** So long an answer proves that it works. */
const PROVEN_MS = 600_000;
/** After so long an absence the pace is the ordinary one. */
const LONG_ABSENCE_MS = 60_000;
const LOOK_MS = 1_500;
/** What only a person can mend may be mended at the endpoint, so it is tried again after this time. */
const COMPLAINT_MS = 60_000;

/** What only a person can mend. */
const COMPLAINTS = new Set(['bad-credentials', 'quota-exhausted', 'model-not-found']);

const FIRST_LOOK: Look = { result: 'away', reason: 'it was not looked at yet' };

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
  /** When it last completed a chat: whatever it answers at /models, it is what we need. */
  private provenAt = -Infinity;
  private timer?: NodeJS.Timeout;
  private readonly leaving = new AbortController();

  /** @param loadingSince since when its model is being loaded (epoch ms) */
  constructor(
    private readonly endpoint: Pick<ChatEndpoint, 'url' | 'look'>,
    private readonly model: string,
    private readonly loadingSince: () => number | undefined,
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
    const loadingSince = this.loadingSince();
    if (loadingSince !== undefined) return { status: 'degraded', reason: `the language model is being loaded, since ${Math.round((Date.now() - loadingSince) / 1_000)} s; messages wait for it`, details };
    const { last } = this;
    if (last.result === 'away') return { status: 'degraded', reason: `messages wait for the language model: ${last.reason}`, details };
    const models = last.result === 'there' ? last.models : undefined;
    if (models !== undefined || this.isProven) return { status: 'ok', details: { ...details, ...(models && { models: models.slice(0, 20) }) } };
    switch (last.result) {
      case 'refused':
        return { status: 'needs-attention', reason: `${this.endpoint.url} refuses our key (${last.status}): set BRAIN_API_KEY to a valid one`, details };
      case 'no-list':
        return { status: 'degraded', reason: `${this.endpoint.url} does not list its models, and has not answered a message yet: ${last.reason}. Messages are sent to it all the same`, details };
      case 'there':
        return { status: 'degraded', reason: `${this.endpoint.url} answers, but offers no list of models: is BRAIN_URL right? It usually ends in /v1`, details };
    }
  }

  private get isProven(): boolean {
    return Date.now() - this.provenAt < PROVEN_MS;
  }

  /** Traffic tells more than looking does. */
  worked() {
    this.provenAt = Date.now();
    this.complaint = undefined;
    if (this.last.result === 'away') this.see({ result: 'there', models: undefined });
  }

  failed({ outcome }: DeliveryFailure) {
    if (outcome.code === 'endpoint-unreachable') this.see({ result: 'away', reason: outcome.message });
    if (COMPLAINTS.has(outcome.code)) {
      this.provenAt = -Infinity;
      const offered = outcome.code === 'model-not-found' && this.last.result === 'there' && this.last.models?.length ? `. It offers: ${this.last.models.slice(0, 20).join(', ')}` : '';
      this.complaint = { code: outcome.code, reason: outcome.message + offered, until: Date.now() + COMPLAINT_MS };
    }
  }

  private async look(): Promise<void> {
    const look = await this.endpoint.look(LOOK_MS, this.leaving.signal);
    if (this.leaving.signal.aborted) return;
    this.see(look);
    if (this.complaint?.code === 'model-not-found' && look.result === 'there' && look.models?.includes(this.model)) this.complaint = undefined;
    this.plan();
  }

  private see(look: Look) {
    const before = this.last;
    this.last = look;
    if (before.result === look.result) return;
    this.since = Date.now();
    if (before === FIRST_LOOK && look.result === 'away') return void this.logger.warn({ reason: look.reason }, 'the language model is not there yet; messages wait for it');
    if (look.result === 'no-list') return void this.logger.debug({ reason: look.reason }, 'the language model does not list its models');
    if (look.result === 'there') this.logger.info({ endpoint: this.endpoint.url, models: look.models }, 'the language model is there');
    else this.logger.warn({ reason: this.health.reason }, look.result === 'away' ? 'the language model is gone; messages wait for it' : 'the language model refuses us');
    // Seen by traffic: the pace of looking changes at once.
    if (look.result === 'away') this.plan();
  }

  private plan() {
    clearTimeout(this.timer);
    if (this.leaving.signal.aborted) return;
    this.timer = setTimeout(() => void this.look(), this.paceMs).unref();
  }

  private get paceMs(): number {
    if (this.last.result === 'away') return Date.now() - this.since < LONG_ABSENCE_MS ? EVERY_WHILE_AWAY_MS : EVERY_MS;
    return this.isProven ? EVERY_WHILE_PROVEN_MS : EVERY_MS;
  }
}
